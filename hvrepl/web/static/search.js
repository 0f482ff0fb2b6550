// Search as one types: the names, numbers, fields, values and docs of the whole catalogue, which are read once the box is touched.

const root = new URL(document.documentElement.dataset.root || "./", document.baseURI);
const form = document.getElementById("decoder");
const question = document.getElementById("question");
const hits = document.getElementById("hits");

const MOST_HITS = 40;
const LONGEST = 80; // characters of a search: what is longer is a dump or a log
// What is read first, as `hvrepl find` has it: names by how near they come, then fields and values, titles, docs.
const IS = 0, BEGINS = 1, HAS_WORDS = 2, HAS = 3, NOT = 9;
const NAMED = [0, 2, 3, 4], ALSO_NAMED = [1, 3, 4, 4], IN_FIELDS = 5, IN_TITLE = 8, IN_DOC = 9;

// Case does not matter, and hyphens, underscores and blanks are alike.
const form_of = (text) => text.toLowerCase().replace(/[-_\s]+/g, "_");
const digits_of = (text) => text.toLowerCase().replace(/^0x0*|^0+(?=.)|[_`]/g, "");

let loading = null;

function load() {
  loading ??= fetch(new URL("static/search.json", root))
    .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
    .then((rows) =>
      rows.map(([path, name, where, title, also, numbers, doc, details]) => ({
        path, name, where, title, also, numbers,
        key: form_of(name),
        others: also.map(form_of),
        digits: numbers.map(digits_of),
        texts: form_of(`${title} ${doc}`),
        headline: form_of(title),
        details: details.map(([anchor, called, said]) => ({ anchor, called, key: form_of(called), said, texts: form_of(`${called} ${said}`) })),
      })),
    )
    .catch((error) => {
      loading = null; // the next key tries again
      throw error;
    });
  return loading;
}

function nearness(key, wanted) {
  if (key === wanted.form) return IS;
  if (!wanted.words.every((word) => key.includes(word))) return NOT;
  if (key.startsWith(wanted.form)) return BEGINS;
  return `_${key}_`.includes(`_${wanted.form}_`) ? HAS_WORDS : HAS;
}

function hitOf(row, wanted) {
  const number = wanted.digits === null ? -1 : row.digits.indexOf(wanted.digits);
  if (number >= 0) return { rank: 0, row, said: row.numbers[number] };
  const near = nearness(row.key, wanted);
  let best = near === NOT ? null : { rank: NAMED[near], row, said: "" };
  row.others.forEach((key, at) => {
    const near = nearness(key, wanted);
    if (near !== NOT && !(best?.rank <= ALSO_NAMED[near])) best = { rank: ALSO_NAMED[near], row, said: `also ${row.also[at]}` };
  });
  if (best) return best;
  for (const detail of row.details) {
    const near = nearness(detail.key, wanted);
    const rank = near !== NOT ? IN_FIELDS + Math.min(near, HAS_WORDS) : wanted.words.every((word) => detail.texts.includes(word)) ? IN_DOC : NOT;
    if (rank !== NOT && !(best?.rank <= rank)) best = { rank, row, detail, said: detail.said ? `${detail.called}: ${detail.said}` : detail.called };
  }
  if (best && best.rank < IN_TITLE) return best;
  if (wanted.words.every((word) => row.headline.includes(word))) return { rank: IN_TITLE, row, said: "" };
  return best ?? (wanted.words.every((word) => row.texts.includes(word)) ? { rank: IN_DOC, row, said: "" } : null);
}

function find(rows, text) {
  const words = form_of(text.trim()).split("_").filter(Boolean);
  const isNumber = /^(0x)?[0-9a-f_`]{1,16}$/i.test(text.trim()) && /\d/.test(text);
  const wanted = { words, form: words.join("_"), digits: isNumber ? digits_of(text.trim()) : null };
  const found = words.length ? rows.map((row) => hitOf(row, wanted)).filter(Boolean) : [];
  return found.sort((one, other) => one.rank - other.rank); // else in the order of the index
}

function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.textContent = text;
  return made;
}

function show(found) {
  const list = document.createElement("ul");
  for (const { row, detail, said } of found.slice(0, MOST_HITS)) {
    const [part, anchor] = detail ? (detail.anchor.includes("#") ? detail.anchor.split("#") : ["", detail.anchor]) : ["", ""];
    const link = element("a", "", { href: new URL(`${row.path}${part}${anchor ? `#${anchor}` : ""}`, root).href });
    link.append(element("b", row.name), ` ${row.title}`, element("small", [`${row.where} ${row.numbers[0] ?? ""}`.trim(), said].filter(Boolean).join(" · ")));
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  const count = found.length === 1 ? "1 match" : `${found.length.toLocaleString("en")} matches`;
  const status = element("p", found.length > MOST_HITS ? `${count}, the nearest ${MOST_HITS} of them` : count);
  status.setAttribute("role", "status");
  hits.replaceChildren(status, list);
  hits.hidden = false;
}

function hide() {
  hits.hidden = true;
  hits.replaceChildren();
}

let latest = 0;

async function search() {
  const text = question.value;
  const asked = ++latest;
  if (!text.trim() || text.length > LONGEST || text.includes("\n")) {
    hide();
    return;
  }
  const waiting = setTimeout(() => {
    hits.replaceChildren(element("p", "Loading the search …"));
    hits.hidden = asked !== latest;
  }, 300);
  try {
    const rows = await load();
    clearTimeout(waiting);
    const found = find(rows, text);
    if (asked !== latest) return;
    if (found.length) show(found);
    else hide(); // it may be a value, which is for the decoder to judge
  } catch {
    clearTimeout(waiting);
    hits.replaceChildren(element("p", "The index of the search cannot be read just now."));
    hits.hidden = false;
  }
}

question.addEventListener("focus", () => load().catch(() => undefined), { once: true });
question.addEventListener("input", search);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  latest++;
  hide();
});
addEventListener("hashchange", hide);

// The arrows go from the box through the hits and back; Escape closes them.
form.parentElement.addEventListener("keydown", (event) => {
  const links = [...hits.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (hits.hidden || !links.length || (at < 0 && document.activeElement !== question)) return;
  if (event.key === "Escape") {
    hide();
    question.focus();
  } else if (event.key === "ArrowDown" && at < links.length - 1) links[at + 1].focus();
  else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] ?? question).focus();
  else return;
  event.preventDefault();
});

// A page that is missing may be a name in another spelling: its last part is searched for.
if (document.body.classList.contains("missing")) {
  const name = decodeURIComponent(location.pathname.replace(/\/+$/, "").split("/").pop() ?? "");
  if (/^[\w.-]{1,80}$/.test(name)) {
    question.value = name;
    search();
  }
}
