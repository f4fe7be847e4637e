
"use strict";
(() => {
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".matrix tbody tr[id]")];
  const compared = Boolean(document.querySelector(".compared"));
  document.documentElement.classList.add("js");

  const filter = () => {
    const q = form.elements.q.value.trim().toLowerCase();
    // The index shows all rows unless asked; the comparison only those that differ unless asked.
    const everything = form.elements.all.checked === compared;
    let shown = 0;
    for (const row of rows) {
      const fits = (everything || !row.classList.contains("same")) && (!q || row.firstElementChild.textContent.toLowerCase().includes(q) || row.id.includes(q));
      row.hidden = !fits;
      shown += fits;
    }
    for (const body of document.querySelectorAll(".matrix tbody")) body.hidden = !body.querySelector("tr[id]:not([hidden])");
    document.querySelector("p.none").hidden = shown > 0;
    form.querySelector("output").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  // The address holds the filters, and the row whose cell was followed last: Back leads to where the reader was.
  const address = (row = "") => {
    const parts = [form.elements.all.checked && "all=1", form.elements.q.value && `q=${encodeURIComponent(form.elements.q.value)}`].filter(Boolean);
    if (parts.length && row) parts.push(`r=${encodeURIComponent(row).replaceAll("%2F", "/")}`);
    try { history.replaceState(null, "", parts.length ? `#?${parts.join("&")}` : `#${encodeURI(row) || "matrix"}`); } catch { /* refused for files */ }
  };
  const setFilters = (text) => {
    const values = new URLSearchParams(text);
    form.elements.all.checked = values.get("all") === "1";
    form.elements.q.value = values.get("q") || "";
    filter();
    return values.get("r") || "";
  };
  const follow = () => {
    let id = location.hash.slice(1);
    if (id.startsWith("?")) id = setFilters(id.slice(1));
    else {
      try { id = decodeURIComponent(id); } catch { /* kept as it is */ }
      if (!id) setFilters("");
    }
    const target = id && document.getElementById(id);
    if (target && target.hidden) setFilters(compared ? "all=1" : "");
    if (target) target.scrollIntoView({ block: target.matches("tr") ? "center" : "start" });
  };
  addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("td a");
    if (link) address(link.closest("tr").id);
  }, true);
  addEventListener("pointerover", (event) => {
    const badge = event.target.closest && event.target.closest(".v");
    const said = badge && !badge.title && document.querySelector(`[data-legend="${badge.classList[1]}"]`);
    if (said) badge.title = `${badge.textContent.slice(1)}: ${said.textContent}`;
  });
  form.addEventListener("input", () => { filter(); address(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
