"use strict";

// A cell's key: its number, else its text; null for a blank cell, which stays last either way.
function key(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  return cell.textContent.trim() || null;
}

function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return sign * (typeof one === "number" ? one - other : one.localeCompare(other));
}

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      // numbers start with the largest, names with the first
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const second = first === "descending" ? "ascending" : "descending";
      const order = head.ariaSort === first ? second : first;
      heads.forEach((each) => { each.ariaSort = each === head ? order : "none"; });
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, other) => compare(key(one.cells[column]), key(other.cells[column]), sign));
      table.tBodies[0].append(...rows);
    });
  });
}

const dialog = document.querySelector("dialog");
const enlarged = dialog.querySelector("img");
for (const button of document.querySelectorAll(".zoom")) {
  button.addEventListener("click", () => {
    const image = button.querySelector("img");
    enlarged.src = image.src;
    enlarged.alt = image.alt;
    dialog.showModal();
  });
}
enlarged.addEventListener("click", () => dialog.close());
