"use strict";
// Sort and search the tables of countries and products. Everything can be read without this script.
(function () {
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const headings = Array.from(table.tHead.rows[0].cells);
    const sort = (column, order) => {
      headings.forEach((heading) => heading.removeAttribute("aria-sort"));
      headings[column].setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const isText = headings[column].dataset.sort === "text";
      const valueOf = (row) => {
        const { textContent, dataset } = row.cells[column];
        return isText ? textContent.trim() : dataset.v ?? textContent;
      };
      const compared = (a, b) => {
        if (a === "" || b === "") return (a === "") - (b === "");  // without a value: last in both orders
        return sign * (isText ? a.localeCompare(b, "en") : a - b);
      };
      // Array.sort is stable: equal rows stay in the order of the page.
      body.append(...Array.from(rows).sort((a, b) => compared(valueOf(a), valueOf(b))));
    };
    headings.forEach((heading, column) => {
      if (!heading.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      const first = heading.dataset.sort === "text" || column === 0 ? "ascending" : "descending";
      const second = first === "ascending" ? "descending" : "ascending";
      button.addEventListener("click", () => {
        sort(column, heading.getAttribute("aria-sort") === first ? second : first);
      });
    });
    headings[0].setAttribute("aria-sort", "ascending");
  };

  const searchable = (search) => {
    const table = document.getElementById(search.dataset.for);
    const field = search.querySelector("input");
    const status = search.querySelector("[role=status]");
    const rows = Array.from(table.tBodies[0].rows);
    const show = () => {
      const words = folded(field.value).split(/\s+/).filter(Boolean);
      rows.forEach((row) => {
        const name = folded(row.querySelector("th").textContent);
        row.hidden = !words.every((word) => name.includes(word));
      });
      const matching = rows.filter((row) => !row.hidden).length;
      status.textContent = words.length ? `${matching} of ${rows.length} rows` : "";
    };
    field.addEventListener("input", show);
    search.hidden = false;
    show();  // a browser may restore an earlier search
  };

  document.querySelectorAll("table.sold").forEach(sortable);
  document.querySelectorAll(".search").forEach(searchable);
})();
