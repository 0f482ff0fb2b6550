// Tables whose columns can be sorted. One that goes on in other parts gets their rows first, so that all are in order.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  for (const [column, head] of heads.entries()) {
    if (!head.textContent.trim() || head.textContent === "Source") continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await gather(table);
        const isDown = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        sort(table, column, isDown ? -1 : 1);
      } catch {
        button.title = "The other parts of this list cannot be read just now.";
      } finally {
        button.disabled = false;
        button.focus();
      }
    });
  }
}

// The rows of the other parts, once. Their links are as they would be there.
async function gather(table) {
  const parts = table.dataset.parts?.split(" ").filter(Boolean) ?? [];
  delete table.dataset.parts;
  const selector = `table.${table.classList[0]}`;
  const texts = await Promise.all(
    parts.map(async (part) => {
      const place = new URL(part, document.baseURI);
      const response = await fetch(place);
      if (!response.ok) {
        table.dataset.parts = parts.join(" ");
        throw new Error(response.statusText);
      }
      return { place, text: await response.text() };
    }),
  );
  for (const { place, text } of texts) {
    const rows = new DOMParser().parseFromString(text, "text/html").querySelectorAll(`${selector} tbody tr`);
    for (const row of rows) {
      for (const link of row.querySelectorAll("a[href]")) link.href = new URL(link.getAttribute("href"), place).href;
      table.tBodies[0].append(document.adoptNode(row));
    }
  }
  document.querySelectorAll(".parts").forEach((nav) => parts.length && (nav.hidden = true));
}

function sort(table, column, sign) {
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: row.cells[column]?.textContent.trim() ?? "" }));
  const collator = new Intl.Collator("en", { numeric: column !== 0 });
  rows.sort((one, other) => sign * compare(one.key, other.key, collator));
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

// Numbers by what they are, whatever their digits; what has none comes last.
function compare(one, other, collator) {
  const [a, b] = [one, other].map((text) => /^0x[0-9a-f]+/i.exec(text)?.[0]);
  if (a && b) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  if (!one || !other) return (one ? 0 : 1) - (other ? 0 : 1);
  return collator.compare(one, other);
}
