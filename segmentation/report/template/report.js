"use strict";
// Sort and search the tables, highlight a segment, copy the command. Everything can be read without this script.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const make = (name, text, kind) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

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
        const second = first === "ascending" ? "descending" : "ascending";
        const order = before === first ? second : first;
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const keyed = rows.map((row, index) => ({ row, index, value: valueOf(row, column, kind) }));
        keyed.sort((a, b) => {
          if (a.value === null || b.value === null) {  // without a value: last in both orders
            return (a.value === null) - (b.value === null) || a.index - b.index;
          }
          return sign * compared(a.value, b.value, kind) || a.index - b.index;
        });
        body.append(...keyed.map((entry) => entry.row));
      });
    });
    headings[0].setAttribute("aria-sort", "ascending");
  };

  const searchable = (search) => {
    const table = document.getElementById(search.dataset.for);
    const field = search.querySelector("input");
    const status = search.querySelector(".found");
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => folded(row.querySelector("th").textContent));
    const counted = (count) => count + " " + (count === 1 ? table.dataset.noun : table.dataset.plural);
    const show = () => {
      const words = folded(field.value).split(/\s+/).filter(Boolean);
      let matching = 0;
      rows.forEach((row, index) => {
        const matches = words.every((word) => texts[index].includes(word));
        row.hidden = !matches;
        if (matches) matching += 1;
      });
      status.textContent = words.length ? counted(matching) + " of the " + rows.length + " shown here" : "";
    };
    field.addEventListener("input", show);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && field.value) {
        field.value = "";
        show();
      }
    });
    search.hidden = false;
    show();  // a browser may restore an earlier search
  };

  // ---- a segment is highlighted wherever it is drawn
  const drawn = all("svg.chart g[data-segment], .legend-line [data-segment]");
  const described = all(".card[data-segment], tr[data-segment]");
  const highlight = (id) => {
    drawn.forEach((element) => element.classList.toggle("dim", id !== null && element.dataset.segment !== id));
    described.forEach((element) => element.classList.toggle("lit", id !== null && element.dataset.segment === id));
  };
  const idAt = (target) => {
    const named = target instanceof Element ? target.closest("a.named, svg.chart g[data-segment]") : null;
    return named ? named.dataset.segment : null;
  };
  let highlighted = null;
  const follow = (event) => {
    const id = idAt(event.target);
    if (id !== highlighted) {
      highlighted = id;
      highlight(id);
    }
  };
  document.addEventListener("mouseover", follow);
  document.addEventListener("focusin", follow);

  // ---- the command is copied, also from a page opened as a file
  const copyable = (box) => {
    const pre = box.querySelector("pre");
    const button = make("button", "Copy the command");
    const answer = make("span", "", "copy-status");
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
    box.append(button, answer);
  };

  // ---- details that are closed on the screen are printed
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
    closed = [];
  });

  all("table.sold").forEach(sortable);
  all(".search").forEach(searchable);
  all(".copied").forEach(copyable);
})();
