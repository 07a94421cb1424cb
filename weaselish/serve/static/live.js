"use strict";
(() => {
  // what happens while the page is open: runs that start and end, and the output of scripts
  const live = document.body.dataset.live;
  if (!live || !window.EventSource) return;
  const report = document.getElementById("news");
  const streams = []; // each with a method that closes or opens it: a browser has few connections to a server

  // parts of the page that the server draws again, each one only if it differs
  const LEAST = 1500; // ms between two loads of the page
  let loaded = performance.now(), waiting = 0;
  const replace = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const rows = [...old.children], others = [...fresh.children];
    if (old.tagName === "TBODY" && rows.length === others.length) rows.forEach((row, number) => {
      if (row.innerHTML !== others[number].innerHTML) row.innerHTML = others[number].innerHTML;
      row.dataset.state = others[number].dataset.state;
    });
    else old.replaceChildren(...fresh.childNodes);
  };
  const load = async () => {
    waiting = 0;
    if (document.hidden) { waiting = -1; return; }
    loaded = performance.now();
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-part]")) {
      const fresh = page.querySelector(`[data-part="${CSS.escape(old.dataset.part)}"]`);
      if (fresh && !old.contains(document.activeElement?.closest("form"))) replace(old, fresh);
    }
    document.dispatchEvent(new Event("proj:changed"));
  };
  const soon = () => {
    if (!waiting) waiting = setTimeout(load, Math.max(200, LEAST - (performance.now() - loaded)));
  };
  addEventListener("visibilitychange", () => { if (!document.hidden && waiting === -1) { waiting = 0; soon(); } });

  const stream = (address, position, handlers) => {
    let source = null, last = null, isOver = false;
    const close = () => { source?.close(); source = null; };
    const open = () => {
      if (source || isOver) return;
      const from = new URL(address, location.href);
      if (last !== null) from.searchParams.set(position, last);
      source = new EventSource(from);
      for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        handle(JSON.parse(event.data), () => { isOver = true; close(); });
      });
    };
    streams.push({ open, close });
    open();
  };
  addEventListener("visibilitychange", () => streams.forEach((one) => (document.hidden ? one.close() : one.open())));
  if (document.querySelector("[data-part]")) stream(`${live}/events`, "since", {
    hello: () => {},
    runs: ({ runs }) => {
      const last = runs[runs.length - 1];
      if (report && last) report.textContent = `${last.command}: ${last.state}`;
      soon();
    },
    reload: soon,
  });

  // a log that grows
  for (const log of document.querySelectorAll("[data-log]")) {
    let partial = null, fresh = true, count = 0;
    const add = (html) => {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      if (partial) count -= 1;
      partial?.remove();
      partial = null;
      if (fresh) log.replaceChildren();
      fresh = false;
      const before = log.childElementCount;
      log.insertAdjacentHTML("beforeend", html); // the server escapes it
      for (let line = log.children[before]; line; line = line.nextElementSibling) line.id = `L${++count}`;
      while (log.childElementCount > 5000) log.firstElementChild.remove();
      if (isAtEnd || !before) log.scrollTop = log.scrollHeight;
    };
    stream(log.dataset.log, "offset", {
      lines: ({ html }) => add(html),
      partial: ({ html }) => { add(html); partial = log.lastElementChild; },
      end: (_, finish) => { finish(); soon(); },
    });
  }

  // how long running steps take so far
  setInterval(() => {
    for (const element of document.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Date.now() / 1000 - Number(element.dataset.since)), minutes = Math.floor(seconds / 60);
      element.textContent = minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
    }
  }, 1000);

  // an action that runs
  const action = document.querySelector("[data-action]");
  if (action) {
    const look = setInterval(async () => {
      await load();
      if (!document.querySelector("[data-action='running']")) clearInterval(look);
    }, 1000);
  }

  addEventListener("pagehide", () => streams.forEach((one) => one.close()));
})();
