"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const view = byId("view"), graph = byId("graph"), stage = byId("stage"), details = byId("details");
  const search = byId("search"), found = byId("found"), chips = [...document.querySelectorAll(".chip")];
  const bare = { help: "", script: [], deps: [], outputs: [], reasons: [], before: [], after: [] };
  const steps = data.steps.map((step) => ({ ...bare, command: step.name, ...step }));
  const boxes = steps.map((_, number) => byId("step-" + number));
  const edges = [...document.querySelectorAll("#stage .edge")].map((path) => ({
    path,
    from: path.dataset.from.split(" ").map(Number),
    to: path.dataset.to.split(" ").map(Number),
  }));
  const [width, height] = data.size;
  const SMALLEST = 0.05, LARGEST = 3, LEGIBLE = 0.72, EDGE = 28;
  let at = { x: 0, y: 0, scale: 1 }, chosen = null, current = 0;

  // -- zoom and pan

  const place = (x, y, scale, glides) => {
    at = { x, y, scale };
    stage.classList.toggle("glides", Boolean(glides));
    stage.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    stage.dataset.scale = scale.toFixed(4);
  };
  const room = () => ({ width: view.clientWidth, height: view.clientHeight - hiddenBelow() });
  // on a phone, the details lie over the lower part of the graph
  const hiddenBelow = () =>
    !details.hidden && getComputedStyle(details).position === "absolute" ? details.clientHeight : 0;
  const scaleThatFits = () =>
    Math.min((room().width - 2 * EDGE) / width, (room().height - 2 * EDGE) / height, 1);
  // centred if there is room, else around `middle` without empty space at the sides
  const within = (middle, size, space) =>
    size + 2 * EDGE <= space ? (space - size) / 2 : Math.min(EDGE, Math.max(space - size - EDGE, space / 2 - middle));
  // show everything, or if that would be smaller than `least`, what is around the first failed step or the beginning
  const fit = (glides, least = SMALLEST) => {
    const scale = Math.max(scaleThatFits(), least);
    const failed = steps.findIndex((step) => step.slug === "failed");
    const [left, top, wide, high] = data.places[Math.max(0, failed)] || [0, 0, 0, 0];
    const x = within((left + wide / 2) * scale, width * scale, room().width);
    place(x, within((top + high / 2) * scale, height * scale, room().height), scale, glides);
  };
  const zoom = (factor, x = room().width / 2, y = room().height / 2, glides = false) => {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, at.scale * factor));
    const grown = scale / at.scale;
    place(x - (x - at.x) * grown, y - (y - at.y) * grown, scale, glides);
  };
  const centre = (number, scale = at.scale, glides = true) => {
    const [left, top, wide, high] = data.places[number];
    place(room().width / 2 - (left + wide / 2) * scale, room().height / 2 - (top + high / 2) * scale, scale, glides);
  };
  const show = (number) => {
    const [left, top, wide, high] = data.places[number].map((value) => value * at.scale);
    const x = left + at.x, y = top + at.y;
    if (x < EDGE || y < EDGE || x + wide > room().width - EDGE || y + high > room().height - EDGE) centre(number);
  };

  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { left, top } = view.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      return place(at.x - (event.deltaX || event.deltaY) * lines, at.y, at.scale);
    }
    zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), event.clientX - left, event.clientY - top);
  }, { passive: false });

  const fingers = new Map();
  let moved = false;
  const spread = () => {
    const [one, two] = [...fingers.values()];
    return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, size: Math.hypot(one.x - two.x, one.y - two.y) };
  };
  view.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    if (!fingers.size) moved = false;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (!moved && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    moved = true;
    view.classList.add("dragging");
    if (fingers.size === 1) {
      place(at.x + now.x - before.x, at.y + now.y - before.y, at.scale);
      fingers.set(event.pointerId, now);
    } else if (fingers.size === 2) {
      const old = spread();
      fingers.set(event.pointerId, now);
      const { left, top } = view.getBoundingClientRect(), next = spread();
      place(at.x + next.x - old.x, at.y + next.y - old.y, at.scale);
      if (old.size > 0) zoom(next.size / old.size, next.x - left, next.y - top);
    }
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) view.classList.remove("dragging");
  };
  addEventListener("pointerup", lift);
  addEventListener("pointercancel", lift);
  byId("in").addEventListener("click", () => zoom(1.3, undefined, undefined, true));
  byId("out").addEventListener("click", () => zoom(1 / 1.3, undefined, undefined, true));
  byId("fit").addEventListener("click", () => fit(true));

  // -- which steps stand out: those around the chosen one, those found, or those of a state

  const light = (lit, isLit) => {
    graph.classList.toggle("dims", lit !== null);
    boxes.forEach((box, number) => box.classList.toggle("lit", lit !== null && lit.has(number)));
    // what matters is drawn last, so that nothing covers it
    edges.forEach((edge) => {
      const matters = lit === null ? edge.path.classList.contains("critical") : isLit(edge);
      edge.path.classList.toggle("lit", lit !== null && matters);
      if (matters) edge.path.parentNode.append(edge.path);
    });
  };
  const reach = (number, direction) => {
    const seen = new Set([number]), open = [number];
    while (open.length) {
      for (const next of steps[open.pop()][direction]) {
        if (!seen.has(next)) { seen.add(next); open.push(next); }
      }
    }
    return seen;
  };
  const lightAround = (number) => {
    const up = reach(number, "before"), down = reach(number, "after");
    const has = (set, ends) => ends.some((end) => set.has(end));
    light(new Set([...up, ...down]), (edge) =>
      (has(up, edge.from) && has(up, edge.to)) || (has(down, edge.from) && has(down, edge.to)));
  };
  const update = () => {
    const words = search.value.trim().toLowerCase();
    const state = chips.find((chip) => chip.getAttribute("aria-pressed") === "true")?.dataset.state;
    found.textContent = "";
    if (words || state) {
      const matches = (step) =>
        (!state || (state === "critical" ? step.critical : step.slug === state)) &&
        (!words || [step.name, step.help, ...step.script, ...step.deps, ...step.outputs].some((text) => text.toLowerCase().includes(words)));
      const lit = new Set(steps.flatMap((step, number) => (matches(step) ? [number] : [])));
      if (words) found.textContent = lit.size ? `${lit.size} found` : "none found";
      const both = (edge) => edge.from.some((end) => lit.has(end)) && edge.to.some((end) => lit.has(end));
      light(lit, (edge) => !words && both(edge));
      return lit;
    }
    if (chosen === null) light(null);
    else lightAround(chosen);
    return null;
  };
  let turn = -1;
  const clear = () => {
    search.value = "";
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
  };
  search.addEventListener("input", () => { turn = -1; update(); });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const hits = [...(update() || [])];
    if (!hits.length) return;
    turn = (turn + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    centre(hits[turn], Math.max(at.scale, 0.8));
    setCurrent(hits[turn]);
    found.textContent = `${turn + 1} of ${hits.length}`;
  });
  chips.forEach((chip) => chip.addEventListener("click", () => {
    const pressed = chip.getAttribute("aria-pressed") === "true";
    chips.forEach((other) => other.setAttribute("aria-pressed", String(other === chip && !pressed)));
    update();
  }));

  // -- details of a step

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const icon = (slug) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "graph");
    svg.setAttribute("viewBox", "-10 -10 20 20");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", "#icon-" + slug);
    svg.append(use);
    return svg;
  };
  const section = (title, ...content) => [make("h3", "", title), ...content];
  const list = (texts) => {
    const items = make("ul");
    texts.forEach((text) => items.append(make("li")) || items.lastChild.append(make("code", "", text)));
    return items;
  };
  const links = (numbers) => {
    const items = make("ul");
    numbers.forEach((number) => {
      const link = make("button", "link"), item = make("li");
      link.type = "button";
      link.append(icon(steps[number].slug), make("span", "", steps[number].name), make("span", "hidden", ", " + steps[number].state));
      link.addEventListener("click", () => { choose(number); show(number); byId("name").focus(); });
      item.append(link);
      items.append(item);
    });
    return items;
  };
  const lastRun = (run) => {
    const code = run.result === "failed" && run.code !== null ? ` (exit code ${run.code})` : "";
    const took = run.took === null ? "" : `, took ${run.took}`;
    return `${new Date(run.started * 1000).toLocaleString()}: ${run.result}${code}${took}`;
  };
  const describe = (step) => {
    const state = make("p", "state");
    state.append(icon(step.slug), make("strong", "", step.state));
    if (step.usual !== null) state.append(make("span", "quiet", "usually " + step.usual));
    const parts = [state];
    if (step.link) {
      const link = make("a", "open", "History, log and metrics");
      link.href = step.link;
      parts.push(link);
    }
    if (step.critical) parts.push(make("p", "quiet", "On the critical path: the run cannot be shorter than its steps."));
    if (step.help) parts.push(make("p", "", step.help));
    if (step.reasons.length) parts.push(...section("Why it would run", list(step.reasons)));
    if (step.script.length) parts.push(...section("Script", make("pre", "", step.script.join("\n"))));
    if (step.deps.length) parts.push(...section("Deps", list(step.deps)));
    if (step.outputs.length) parts.push(...section("Outputs", list(step.outputs)));
    if (step.last) {
      parts.push(...section("Last run", make("p", "", lastRun(step.last))));
      if (!/["'\\\s]/.test(step.command)) parts.push(make("pre", "", "proj log -v " + step.command));
    }
    if (step.before.length) parts.push(...section("Needs", links(step.before)));
    if (step.after.length) parts.push(...section("Needed by", links(step.after)));
    return parts;
  };
  const setCurrent = (number) => {
    boxes[current]?.setAttribute("tabindex", "-1");
    current = number;
    boxes[current]?.setAttribute("tabindex", "0");
  };
  const uncover = (hides) => {
    if (details.hidden === hides) return;
    const before = room();
    details.hidden = hides;
    const after = room();
    if (scaleThatFits() >= LEGIBLE) fit(false);
    else place(at.x + (after.width - before.width) / 2, at.y + (after.height - before.height) / 2, at.scale);
  };
  const choose = (number) => {
    if (chosen !== null) { boxes[chosen].classList.remove("chosen"); boxes[chosen].setAttribute("aria-expanded", "false"); }
    chosen = number;
    clear();
    uncover(number === null);
    if (number !== null) {
      setCurrent(number);
      boxes[number].classList.add("chosen");
      boxes[number].setAttribute("aria-expanded", "true");
      byId("name").textContent = steps[number].name;
      byId("facts").replaceChildren(...describe(steps[number]));
      details.scrollTop = 0;
    }
    update();
  };
  byId("close").addEventListener("click", () => { const last = current; choose(null); boxes[last]?.focus(); });

  // -- keyboard

  const centreOf = (number) => {
    const [left, top, wide, high] = data.places[number];
    return [left + wide / 2, top + high / 2];
  };
  const beside = (number, key) => {
    const [x, y] = centreOf(number), flat = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    let best = null, least = Infinity;
    steps.forEach((_, other) => {
      const [otherX, otherY] = centreOf(other);
      const ahead = sign * (flat ? otherX - x : otherY - y), aside = Math.abs(flat ? otherY - y : otherX - x);
      const linked = steps[number].before.includes(other) || steps[number].after.includes(other);
      if (other === number || ahead <= 1 || (flat && aside > ahead)) return;
      const cost = ahead + 2 * aside - (linked && !flat ? 1e6 : 0);
      if (cost < least) { least = cost; best = other; }
    });
    return best;
  };
  boxes.forEach((box, number) => {
    box.setAttribute("role", "button");
    box.setAttribute("tabindex", number ? "-1" : "0");
    box.setAttribute("aria-expanded", "false");
    box.addEventListener("click", () => { if (!moved) { choose(number); show(number); } });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        choose(number); show(number); byId("name").focus();
      } else if (event.key.startsWith("Arrow")) {
        const next = beside(number, event.key);
        if (next === null) return;
        setCurrent(next); boxes[next].focus({ preventScroll: true }); show(next);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });
  view.addEventListener("click", (event) => { if (!moved && !event.target.closest(".step")) choose(null); });
  view.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (!way) return;
    place(at.x + way[0], at.y + way[1], at.scale);
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const inside = details.contains(document.activeElement), last = current;
      if (search.value || chips.some((chip) => chip.getAttribute("aria-pressed") === "true")) { clear(); update(); }
      else { choose(null); if (inside) boxes[last]?.focus(); }
      return;
    }
    if (event.target === search) return;
    const action = {
      "+": () => zoom(1.3, undefined, undefined, true),
      "=": () => zoom(1.3, undefined, undefined, true),
      "-": () => zoom(1 / 1.3, undefined, undefined, true),
      "0": () => fit(true),
      "/": () => search.focus(),
    }[event.key];
    if (action) { action(); event.preventDefault(); }
  });

  byId("taken").textContent = ` · ${new Date(data.taken * 1000).toLocaleString()}`;
  view.classList.add("moves");
  view.scrollTo(0, 0);
  fit(false, LEGIBLE);
  let last = view.clientWidth;
  addEventListener("resize", () => { if (view.clientWidth !== last) { last = view.clientWidth; fit(false, LEGIBLE); } });
})();
