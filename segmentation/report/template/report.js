"use strict";
// Sorts and searches the tables, lights a segment up, copies the command. What there is to read stands in the page.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const make = (name, text, kind) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // ---- tables that can be sorted and searched
  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const headings = Array.from(table.tHead.rows[0].cells);
    const valueOf = (row, column, kind) => {
      const cell = row.cells[column];
      if (kind === "text") return cell.textContent.trim();
      const value = cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;
      return value === "" ? null : Number(value);
    };
    const compared = (a, b, kind) => (kind === "text" ? a.localeCompare(b, "en") : a - b);
    headings.forEach((heading, column) => {
      const kind = heading.dataset.sort;
      if (!kind) return;
      const button = make("button", heading.textContent);
      button.type = "button";
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = heading.getAttribute("aria-sort");
        const first = kind === "text" || column === 0 ? "ascending" : "descending";
        const other = first === "ascending" ? "descending" : "ascending";
        const way = before === first ? other : first;
        headings.forEach((one) => one.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", way);
        const turn = way === "ascending" ? 1 : -1;
        const keyed = rows.map((row, place) => ({ row, place, value: valueOf(row, column, kind) }));
        keyed.sort((a, b) => {
          if (a.value === null || b.value === null) {  // without a value: last, whichever way
            return (a.value === null) - (b.value === null) || a.place - b.place;
          }
          return turn * compared(a.value, b.value, kind) || a.place - b.place;
        });
        body.append(...keyed.map((one) => one.row));
      });
    });
    headings[0].setAttribute("aria-sort", "ascending");
  };

  const searchable = (search) => {
    const table = document.getElementById(search.dataset.for);
    const field = search.querySelector("input");
    const told = search.querySelector(".found");
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => plain(row.querySelector("th").textContent));
    const counted = (count) => count + " " + (count === 1 ? table.dataset.one : table.dataset.many);
    const show = () => {
      const words = plain(field.value).split(/\s+/).filter(Boolean);
      let found = 0;
      rows.forEach((row, place) => {
        const matches = words.every((word) => texts[place].includes(word));
        row.hidden = !matches;
        if (matches) found += 1;
      });
      told.textContent = words.length ? counted(found) + " of the " + rows.length + " shown here" : "";
    };
    field.addEventListener("input", show);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && field.value) {
        field.value = "";
        show();
      }
    });
    search.hidden = false;
    show();  // a browser may have kept what was searched for before
  };

  // ---- a segment is lit up wherever it is drawn
  const drawn = all("svg.chart g[data-segment], .legend-line [data-segment]");
  const told = all(".card[data-segment], tr[data-segment]");
  const light = (id) => {
    drawn.forEach((one) => one.classList.toggle("dim", id !== null && one.dataset.segment !== id));
    told.forEach((one) => one.classList.toggle("lit", id !== null && one.dataset.segment === id));
  };
  const idAt = (target) => {
    const named = target instanceof Element ? target.closest("a.named, svg.chart g[data-segment]") : null;
    return named ? named.dataset.segment : null;
  };
  let lit = null;
  const follow = (event) => {
    const id = idAt(event.target);
    if (id !== lit) {
      lit = id;
      light(id);
    }
  };
  document.addEventListener("mouseover", follow);
  document.addEventListener("focusin", follow);

  // ---- the command is copied, from a page opened as a file too
  const copyable = (place) => {
    const pre = place.querySelector("pre");
    const button = make("button", "Copy the command");
    const answer = make("span", "", "told");
    button.type = "button";
    answer.setAttribute("role", "status");
    const byHand = () => {
      const range = document.createRange();
      range.selectNodeContents(pre);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      const done = document.execCommand("copy");
      answer.textContent = done ? "Copied" : "Selected: copy it with Ctrl+C";
    };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) {
        byHand();
        return;
      }
      navigator.clipboard.writeText(pre.textContent).then(() => { answer.textContent = "Copied"; }, byHand);
    });
    place.append(button, answer);
  };

  // ---- what is folded on the screen is printed
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((one) => { one.open = false; });
    folded = [];
  });

  all("table.sold").forEach(sortable);
  all(".search").forEach(searchable);
  all(".copied").forEach(copyable);
})();
