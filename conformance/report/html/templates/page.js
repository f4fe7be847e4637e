
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const rows = all(".row");
  const form = $(".filters");
  document.documentElement.classList.add("js");

  // Elements are made here and only here, from text: nothing a server said is ever read as markup.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  };
  const draw = (name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };
  const say = (text) => { $(".said").textContent = text; };

  // Filters

  const wanted = () => {
    const data = new FormData(form);
    return { v: data.getAll("v"), e: data.get("e"), q: data.get("q").trim().toLowerCase(), d: data.get("d"), f: data.get("f") };
  };
  const words = new WeakMap();
  const wordsOf = (row) => {
    if (!words.has(row)) words.set(row, `${row.id} ${$("summary", row).textContent} ${$(".about", row).textContent}`.toLowerCase());
    return words.get(row);
  };
  const untested = rows.filter((row) => row.dataset.v === "untested").length;
  const filter = () => {
    const { v, e, q, d, f } = wanted();
    let shown = 0;
    for (const row of rows) {
      // What was not asked is shown only to those who want to see it.
      const fits = (v.length ? v.includes(row.dataset.v) : row.dataset.v !== "untested") && (!e || row.id.startsWith(`${e}/`)) &&
        (!d || "wrong" in row.dataset) && (!f || "field" in row.dataset) && (!q || wordsOf(row).includes(q));
      row.hidden = !fits;
      shown += fits;
    }
    for (const group of all(".group, .endpoint").reverse()) group.hidden = !$(".row:not([hidden])", group);
    const free = !q && !e && !v.length && !d && !f;
    document.documentElement.classList.toggle("filtered", !free);
    $(".none").hidden = shown > 0;
    $("output", form).textContent = shown === rows.length ? `${shown} rows`
      : `${shown} of ${rows.length} rows${free && untested ? `, ${untested} untested hidden` : ""}`;
    $("button[type=reset]", form).hidden = free;
  };
  // The address holds the filters, and the row that was opened last: `#?v=ignored&e=chat&r=chat/fields/n`. Without
  // filters it is the row alone, which is how others link to it.
  let current = "";
  const replace = (url, state) => {
    try { history.replaceState(state, "", url); } catch { /* some browsers refuse for files: the page works without */ }
  };
  const address = () => {
    const { v, e, q, d, f } = wanted();
    const parts = [v.length && `v=${v.join(",")}`, e && `e=${e}`, q && `q=${encodeURIComponent(q)}`, d && "d=1", f && "f=1"].filter(Boolean);
    if (parts.length && current) parts.push(`r=${encodeURIComponent(current).replaceAll("%2F", "/")}`);
    replace(parts.length ? `#?${parts.join("&")}` : `#${encodeURI(current) || "matrix"}`, null);
  };
  const setFilters = (text) => {
    const values = new URLSearchParams(text);
    const verdicts = (values.get("v") || "").split(",");
    for (const box of all("[name=v]", form)) box.checked = verdicts.includes(box.value);
    for (const name of ["d", "f"]) {
      const box = $(`[name=${name}]`, form);
      if (box) box.checked = values.get(name) === "1";
    }
    form.elements.e.value = values.get("e") || "";
    if (form.elements.e.selectedIndex < 0) form.elements.e.value = "";
    form.elements.q.value = values.get("q") || "";
    filter();
    return values.get("r") || "";
  };
  const show = (target) => {
    if (target.closest("[hidden]")) setFilters(target.dataset.v === "untested" ? "v=untested" : "");
    const folded = target.closest(".uncounted");
    if (folded) folded.open = true;
    if (target.matches(".row")) {
      current = target.id;
      target.open = true;
    }
    target.scrollIntoView();
    if (target.matches(".row")) $("summary", target).focus({ preventScroll: true });
  };
  const follow = () => {
    let hash = location.hash.slice(1);
    try { hash = decodeURIComponent(hash); } catch { /* kept as it is */ }
    let id = hash;
    current = "";
    if (hash.startsWith("?")) id = setFilters(location.hash.slice(2)) || "matrix";
    else if (!hash || hash === "matrix") setFilters("");
    const target = id && document.getElementById(id);
    if (target) show(target);
    // Back: to where the reader was, which no address tells.
    if (history.state && Number.isFinite(history.state.y)) scrollTo(0, history.state.y);
  };
  addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    if (link) replace(location.href, { y: scrollY });
  }, true);

  // Badges say what they mean. A title on each in the file would be the half of it.
  addEventListener("pointerover", (event) => {
    const badge = event.target.closest && event.target.closest(".v");
    const said = badge && !badge.title && $(`[data-legend="${badge.classList[1]}"]`);
    if (said) badge.title = said.textContent;
  });

  // Exchanges

  let carried = null;
  const carry = () => (carried ??= JSON.parse($("script[type='application/json']").textContent));

  /* JSON as it was sent, indented: numbers and double keys stay as they are, and the beginning of a document that
     was cut can be shown too. Marks what lies at or below one of the paths. */
  const pretty = (text, paths) => {
    if (!/^\s*[[{]/.test(text)) return document.createTextNode(text);
    const out = document.createDocumentFragment();
    const tokens = text.match(/"(?:[^"\\]|\\.)*"?|[[\]{},:]|[^\s[\]{},:"]+/gs) || [];
    const stack = [];
    let into = out;
    let markedAt = -1;
    const flat = (from) => {
      let to = from + 1;
      while (to < tokens.length && !"[]{}".includes(tokens[to])) to++;
      return tokens[to] === "]" || tokens[to] === "}" && to === from + 1;
    };
    const path = () => stack.map((level) => (level.array ? level.index : level.key)).join("/");
    const begin = () => {
      if (paths.size && markedAt < 0 && stack.length && paths.has(path())) {
        into = make("mark");
        markedAt = stack.length;
        out.append(into);
      }
    };
    const end = () => {
      if (markedAt === stack.length) { into = out; markedAt = -1; }
    };
    const line = () => {
      into.append(stack.length && stack.at(-1).flat ? " " : "\n" + "  ".repeat(Math.min(stack.length, 12)));
    };
    tokens.forEach((token, at) => {
      const level = stack.at(-1);
      if (token === "}" || token === "]") {
        if (stack.length) { end(); }
        const closed = stack.pop();
        if (closed && !closed.flat && closed.any) line();
        into.append(token);
        return;
      }
      if (token === ",") { end(); into.append(","); if (level) { level.index++; level.key = null; level.fresh = true; } return; }
      if (token === ":") { into.append(": "); return; }
      if (level && level.fresh) {
        if (level.any || !level.flat) line();
        level.any = true;
        level.fresh = false;
        if (!level.array) level.key = token.slice(1, -1);
        begin();
        if (!level.array) { into.append(make("span", { class: "k" }, token)); return; }
      }
      if (token === "{" || token === "[") {
        into.append(token);
        stack.push({ array: token === "[", index: 0, key: null, fresh: true, any: false, flat: flat(at) });
      } else into.append(token.startsWith('"') ? make("span", { class: "s" }, token) : token);
    });
    return out;
  };

  const block = (label, name, ...content) => make("pre", { class: name, tabindex: "0", role: "group", "aria-label": label }, ...content);
  const bytes = (count) => `${count.toLocaleString("en")} bytes`;
  const cut = (size, id) => make("p", { class: "cut" }, `Cut: it has ${bytes(size)}. The whole is in exchanges.jsonl, ${id}.`);

  const copy = async (text, button) => {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { class: "off" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) { say("The browser did not let the page copy."); return; }
    }
    button.textContent = "Copied";
    say("The curl command was copied.");
    setTimeout(() => { button.textContent = before; }, 1500);
  };
  const command = (record) => record.curl || (record.curlHead && record.curlHead + `'${record.sent.replaceAll("'", `'"'"'`)}'`);

  const timeline = (events, seconds) => {
    const end = Math.max(seconds, events.at(-1)[0], 0.001);
    const svg = draw("svg", { class: "time", role: "img", "aria-label": `${events.length} events in ${end.toFixed(2)} seconds, the first after ${events[0][0].toFixed(2)}` });
    svg.append(draw("line", { x1: "0", x2: "100%", y1: "12", y2: "12" }));
    for (const [at] of events) {
      const x = `${(at / end * 100).toFixed(2)}%`;
      svg.append(draw("line", { class: "tick", x1: x, x2: x, y1: "4", y2: "20" }));
    }
    svg.append(draw("text", { x: "0", y: "32" }, "0 s"));
    svg.append(draw("text", { x: "100%", y: "32", "text-anchor": "end" }, `${end.toFixed(2)} s`));
    return svg;
  };
  const stream = (record, faulty) => {
    const list = make("ol", { class: "events", tabindex: "0", "aria-label": "Events of the stream" });
    let before = [];
    for (const [number, [at, start, end, fresh, note]] of record.events.entries()) {
      const head = before.slice(0, start).join("");
      const tail = end ? before.slice(-end).join("") : "";
      const dots = (text) => (text ? make("span", { class: "dots" }, "…") : null);
      const code = make("code", {}, ...[
        dots(head), head && make("span", { class: "same" }, head), make("span", { class: "new" }, fresh),
        tail && make("span", { class: "same" }, tail), dots(tail), note && make("em", {}, `  (${note})`),
      ].filter(Boolean));
      list.append(make("li", faulty.has(number) ? { class: "faulty" } : {}, make("time", {}, `${at.toFixed(3)} s`), code));
      before = [...before.slice(0, start), ...fresh, ...(end ? before.slice(-end) : [])];
    }
    return list;
  };

  const answer = (record, id, places, faulty) => {
    const parts = [];
    if (record.failure) parts.push(make("p", {}, make("b", {}, record.failure)));
    if (record.invalid) parts.push(make("p", { class: "cut" }, "It holds bytes that are not UTF-8; they read \uFFFD."));
    if (record.events) {
      const list = stream(record, faulty);
      const whole = make("button", { type: "button", "aria-pressed": "false" }, "Whole events");
      whole.addEventListener("click", () => whole.setAttribute("aria-pressed", String(list.classList.toggle("whole"))));
      const count = record.events.length < record.eventsInAll ? `${record.events.length} of ${record.eventsInAll}` : record.events.length;
      parts.push(timeline(record.events, record.seconds || 0), make("h6", {}, `${count} events; what repeats is left out`, whole), list);
      if (record.joined) parts.push(make("h6", {}, "The text that the SDK read"), block("Text", "", record.joined));
    } else parts.push(block("Answer", "", record.body ? pretty(record.body, places) : "(empty)"));
    if (record.bodySize) parts.push(cut(record.bodySize, id));
    if (record.sdk) parts.push(make("p", {}, `The SDK raised ${record.sdk}`));
    return parts;
  };

  const side = (heading, id, paths, places = new Set(), faulty = new Set()) => {
    const record = Object.hasOwn(carry().exchanges, id) && carry().exchanges[id];
    if (!record) return make("div", { class: "side" }, make("h5", {}, heading), make("p", {}, `Exchange ${id} is in exchanges.jsonl.`));
    const text = command(record);
    const button = text ? make("button", { type: "button", class: "copy" }, "Copy curl") : null;
    if (button) button.addEventListener("click", () => copy(text, button));
    const status = record.status === undefined ? "No answer" : `Status ${record.status}`;
    const box = make("div", { class: "side" }, make("h5", {}, heading),
      make("h6", {}, make("span", {}, `${record.method} ${record.url}${record.transport === "sdk" ? "" : ` (${record.transport})`}`), button),
      record.sent ? block("Request", "", pretty(record.sent, paths)) : null,
      record.sentSize ? cut(record.sentSize, id) : null,
      make("h6", {}, `${status} in ${(record.seconds || 0).toFixed(2)} s`), ...answer(record, id, places, faulty));
    const headers = make("details", {}, make("summary", { class: "sub" }, "Headers"),
      block("Headers of the request", "headers", carry().headers[record.sentHeaders] || "(none)"),
      make("p", { class: "sub" }, "answered with"), block("Headers of the answer", "headers", record.headers || "(none)"));
    box.append(headers);
    return box;
  };
  const title = (text) => text[0].toUpperCase() + text.slice(1);
  const fill = (item, details) => {
    const { x, c, p, r, f, n } = item.dataset;
    const lines = (text) => new Set((text || "").split("\n").filter(Boolean));
    const sides = make("div", { class: "sides" });
    const before = c && all(".x > li", item.closest(".row")).find((other) => other.dataset.x === c);
    if (c) sides.append(side(before && before.dataset.r !== r ? title(before.dataset.r) : "Compared with", c, lines(p)));
    sides.append(side(title(r), x, lines(p), lines(f), new Set((n || "").split(" ").filter(Boolean).map(Number))));
    details.append(sides);
  };
  const prepare = (row) => {
    const items = all(".x > li", row);
    for (const item of items) {
      const details = make("details", {}, make("summary", {}, ...item.childNodes));
      details.addEventListener("toggle", () => { if (details.open && !$(".sides", details)) fill(item, details); });
      item.append(details);
    }
    if (items.length) $("details", items[0]).open = true; // the first is the one that decided
  };
  let started = false; // what opens before is opened by the address
  const prepared = new WeakSet();
  document.addEventListener("toggle", (event) => {
    const row = event.target;
    if (!row.matches(".row")) return;
    if (row.open && !prepared.has(row)) { prepared.add(row); prepare(row); }
    if (row.open) current = row.id;
    else if (current === row.id) current = "";
    else return;
    if (started) address();
  }, true);

  form.addEventListener("input", () => { filter(); address(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); address(); }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.matches("input, select, textarea")) {
      event.preventDefault();
      form.elements.q.focus();
    }
  });
  addEventListener("hashchange", follow);
  filter();
  follow();
  // A browser that goes to the linked row by itself, when all is loaded, takes the focus away again.
  addEventListener("load", () => setTimeout(() => { follow(); started = true; }));
})();
