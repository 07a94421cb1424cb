"use strict";
(() => {
  // times in the reader's own zone
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const relative = (seconds) => {
    for (const [unit, size] of units) if (seconds >= size) return ago.format(-Math.round(seconds / size), unit);
    return "just now";
  };
  const show = (root) => {
    const now = Date.now();
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const age = (now - at) / 1000;
      time.textContent = age >= 0 && age < 6 * 86400 ? relative(age) : form.format(at);
      time.title = form.format(at);
    }
  };
  show(document);
  setInterval(() => show(document), 60000);
  document.addEventListener("proj:changed", () => show(document)); // live.js replaced parts of the page

  // a table that shows only some of its rows
  const filters = document.querySelector("[data-filters]");
  const table = filters && document.getElementById(filters.dataset.filters);
  const field = filters && filters.querySelector("input");
  if (table) {
    const chips = [...filters.querySelectorAll("button.chip")], rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const output = filters.querySelector("output");
    const update = () => {
      const state = chips.find((chip) => chip.getAttribute("aria-pressed") === "true")?.dataset.state;
      const words = field.value.trim().toLowerCase();
      let count = 0;
      rows.forEach((row, number) => {
        row.hidden = Boolean(state && row.dataset.state !== state) || !texts[number].includes(words);
        count += !row.hidden;
      });
      output.textContent = state || words ? `${count} of ${rows.length}` : "";
    };
    chips.forEach((chip) => {
      chip.hidden = false;
      chip.addEventListener("click", () => {
        const pressed = chip.getAttribute("aria-pressed") === "true";
        chips.forEach((other) => other.setAttribute("aria-pressed", String(other === chip && !pressed)));
        update();
      });
    });
    filters.querySelectorAll(".fallback").forEach((text) => text.remove());
    field.hidden = rows.length < 10;
    field.addEventListener("input", update);
    update();
  }

  // a log begins at its end, where the news is
  for (const log of document.querySelectorAll("[data-tail]")) if (!location.hash) log.scrollTop = log.scrollHeight;

  // slash searches, Escape leaves
  const search = document.getElementById("search") || document.getElementById("q") || (field && !field.hidden ? field : null);
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && typing) document.activeElement.blur();
  });

  // what is being read now appears when it is there
  if (document.querySelector("[data-refresh]")) setTimeout(() => { if (!document.activeElement || document.activeElement === document.body) location.reload(); }, 1500);
})();
