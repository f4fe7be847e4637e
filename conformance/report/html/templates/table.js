
"use strict";
(() => {
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".matrix tbody tr[id]")];
  const compared = Boolean(document.querySelector(".matrix .history"));
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
  const address = () => {
    const parts = [form.elements.all.checked && "all=1", form.elements.q.value && `q=${encodeURIComponent(form.elements.q.value)}`].filter(Boolean);
    try { history.replaceState(null, "", parts.length ? `#?${parts.join("&")}` : "#matrix"); } catch { /* refused for files */ }
  };
  const follow = () => {
    let hash = location.hash.slice(1);
    if (hash.startsWith("?")) {
      const values = new URLSearchParams(hash.slice(1));
      form.elements.all.checked = values.get("all") === "1";
      form.elements.q.value = values.get("q") || "";
      filter();
      return;
    }
    try { hash = decodeURIComponent(hash); } catch { /* kept as it is */ }
    const target = hash && document.getElementById(hash);
    if (target && target.hidden) {
      form.elements.q.value = "";
      form.elements.all.checked = compared;
      filter();
    }
    if (target) target.scrollIntoView({ block: "center" });
  };
  form.addEventListener("input", () => { filter(); address(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
