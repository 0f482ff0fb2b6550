// The box at the top of every page: what is put into it is answered below it, by hvrepl in a worker or by the server of `hvrepl web`.

const root = new URL(document.documentElement.dataset.root || "./", document.baseURI);
const isServed = document.querySelector('meta[name="hvrepl-answers"]')?.content === "server";
const form = document.getElementById("decoder");
const question = document.getElementById("question");
const section = document.getElementById("answer");

const ARCHES = ["x64", "arm64"];
const LONGEST_TEXT = 8 << 20; // characters, as answer.py has it
const LONGEST_LINK = 16_000; // characters after #; chats and trackers cut what is longer
const PACKED = "~"; // begins the packed form of a long text in a link
const SHORT = 300; // characters that a link shows as they are
const MOST_ROWS = 10; // of the box
const ROWS_ANSWERED = 3; // once what is in it is answered
const LONG = 1500; // ms
const AROUND = 30; // pixels beside the lines of an answer
const TOO_LONG = "This is too long for the box. Drop it on the page as a file.";

// Elements that only this script has use for, so that a page without it has none of them.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const link = document.createElement("link");
link.rel = "stylesheet";
link.href = new URL("static/decoder.css", root).href;
document.head.append(link);

const arch = make("select", { id: "arch", "aria-label": "Architecture" }, ...ARCHES.map((name) => make("option", { value: name }, name)));
const file = make("input", { type: "file", id: "file", class: "hv-hidden", "aria-label": "A dump, a log or a memory image to explain" });
const fileLabel = make("label", { for: "file", class: "hv-file", title: `A dump, a log or a memory image; it stays ${isServed ? "on this machine" : "in this browser"}` }, "File…");
form.append(arch, file, fileLabel);

const status = make("p", { id: "hv-status", role: "status" });
const bar = make("progress", { "aria-label": "Progress", hidden: true });
const stop = make("button", { type: "button", class: "hv-stop", hidden: true }, "Stop");
const state = make("div", { class: "hv-state" }, status, bar, stop);
const shown = make("div", { class: "hv-shown" });
section.removeAttribute("aria-live"); // the sentence in the status is read out, not every row
section.replaceChildren(state, shown);

// ---- What answers ----------------------------------------------------------------------------------------------------------------------

class Failed extends Error {}

let worker = null;
let isReady = false;
let waiting = null; // the question that is being answered: {id, since, resolve, reject}
let number = 0;

function startWorker() {
  if (worker || isServed) return;
  if (typeof WebAssembly === "undefined" || typeof Worker === "undefined") {
    throw new Failed("This browser has no WebAssembly, which the decoder needs. The pages and the search work without it.");
  }
  const started = (worker = new Worker(new URL("static/worker.js", root), { type: "module", name: "hvrepl" }));
  worker.onmessage = ({ data }) => started === worker && take(data);
  worker.onerror = (event) => {
    event.preventDefault();
    if (started === worker) endWorker("The decoder stopped. It starts again with the next question.");
  };
  worker.postMessage({});
}

function endWorker(message) {
  worker?.terminate();
  worker = null;
  isReady = false;
  const { reject } = waiting ?? {};
  waiting = null;
  busy(null);
  if (reject) reject(new Failed(message));
  else if (message) say(message);
}

function take(data) {
  if (data.total) busy({ done: data.loaded, total: data.total, text: `Loading the decoder: ${megabytes(data.loaded)} of ${megabytes(data.total)} MB` });
  else if (data.starting) busy({ text: "Starting the decoder" });
  else if (data.ready) {
    isReady = true;
    busy(waiting ? { text: "Working" } : null);
    if (!waiting) say("");
    keepForOffline();
  } else if (data.read !== undefined && data.id === waiting?.id) {
    busy({ done: data.read, total: data.size, text: `Reading: ${megabytes(data.read)} of ${megabytes(data.size)} MB` });
  } else if (data.failed) endWorker(data.failed);
  else if (data.id === waiting?.id) {
    const { resolve } = waiting;
    waiting = null;
    resolve(data.answer);
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

function askWorker(message) {
  return new Promise((resolve, reject) => {
    // It answers one thing at a time. What takes long is given up for what is wanted now; what does not is passed over when it comes.
    if (waiting && isReady && performance.now() - waiting.since > LONG) endWorker("");
    try {
      startWorker();
    } catch (error) {
      reject(error);
      return;
    }
    waiting = { id: message.id, since: performance.now(), resolve, reject };
    worker.postMessage(message);
    if (isReady) setTimeout(() => waiting?.id === message.id && bar.hidden && busy({ text: "Working" }), 300);
    else if (bar.hidden) busy({ text: "Starting the decoder" });
  });
}

let request = null;

async function askServer({ text, arch: of, columns }) {
  request?.abort();
  request = new AbortController();
  busy({ text: "Working" });
  const place = new URL(`answer?${new URLSearchParams({ arch: of, columns })}`, root);
  const response = await fetch(place, { method: "POST", body: text, headers: { "Content-Type": "text/plain; charset=utf-8" }, signal: request.signal }).catch(
    (error) => {
      throw new Failed(error.name === "AbortError" ? "" : "hvrepl web does not answer. Is it still running in its terminal?");
    },
  );
  if (!response.ok) throw new Failed(`hvrepl web refused this: ${(await response.text()).slice(0, 200) || response.status}`);
  return response.json();
}

stop.addEventListener("click", () => {
  request?.abort();
  endWorker("Stopped.");
  if (!waiting) say("Stopped.");
  question.focus();
});

// ---- Asking ----------------------------------------------------------------------------------------------------------------------------

function columns() {
  const probe = make("span", { class: "hv-lines hv-probe", "aria-hidden": "true" }, "0".repeat(50));
  section.append(probe);
  const width = probe.getBoundingClientRect().width / 50;
  probe.remove();
  return Math.max(20, Math.min(160, Math.floor((section.clientWidth - AROUND) / (width || 8))));
}

// Asks, and shows the answer. `keepsPlace`: a bit was clicked, so that what has the focus keeps it, and the way back has no step for each bit.
async function ask(text, { dropped = null, keepsPlace = false, fromLink = false } = {}) {
  const id = ++number;
  const of = arch.value;
  if (!dropped && !text.trim()) {
    clear();
    return;
  }
  if (!dropped && text.length > LONGEST_TEXT) {
    say(TOO_LONG);
    return;
  }
  const message = { id, text, arch: of, columns: columns(), ...(dropped ? { file: dropped } : {}) };
  let answer;
  try {
    answer = await (isServed ? askServer(message) : askWorker(message));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (id === number) {
      busy(null);
      if (error.message) say(error.message);
    }
    return;
  }
  if (id !== number) return;
  busy(null);
  show(answer, { dropped, keepsPlace });
  if (!fromLink) await setLink(dropped ? "" : answer.link, of, { replaces: keepsPlace });
}

function empty(text = "") {
  number++;
  shown.replaceChildren();
  delete shown.dataset.text;
  say(text);
}

function clear() {
  empty();
  if (location.hash) history.pushState(null, "", location.pathname + location.search);
}

// `unseen`: what can be read on the screen already, so that only a screen reader says it.
function say(text, { unseen = false } = {}) {
  status.classList.toggle("hv-unseen", unseen);
  status.textContent = text;
}

// Shows how far something is: {text, done, total}; null: it is over.
function busy(progress) {
  bar.hidden = stop.hidden = !progress;
  section.setAttribute("aria-busy", String(Boolean(progress)));
  if (!progress) return;
  if (progress.total) {
    bar.max = progress.total;
    bar.value = progress.done;
  } else bar.removeAttribute("value");
  if (status.textContent !== progress.text) say(progress.text);
}

function show(answer, { dropped, keepsPlace }) {
  const focused = keepsPlace ? document.activeElement?.dataset?.bit : undefined;
  const tools = make("div", { class: "hv-tools" });
  if (answer.command) tools.append(make("code", { class: "hv-command", title: "The same in a terminal" }, answer.command));
  if (dropped) tools.append(make("code", { class: "hv-command" }, dropped.name));
  if (answer.link) tools.append(copier("Copy link", () => location.href, "hv-link"));
  if (answer.text) tools.append(copier("Copy text", () => answer.text));
  const close = make("button", { type: "button", "aria-label": "Close the answer" }, "Close");
  close.addEventListener("click", () => {
    question.value = "";
    fit();
    clear();
    question.focus();
  });
  tools.append(close);
  const body = make("div", { class: "hv-body" });
  // The text of others is escaped in it by the same Python that made it, and the policy of the page lets no script in it run.
  body.innerHTML = answer.html;
  for (const leading of body.querySelectorAll("a[href]")) leading.href = new URL(leading.getAttribute("href"), root).href;
  shown.replaceChildren(tools, body);
  fit(ROWS_ANSWERED);
  question.scrollTop = 0;
  shown.dataset.text = answer.text;
  shown.dataset.status = answer.status;
  body.querySelectorAll(".hv-bits").forEach(watchBits);
  if (focused !== undefined) body.querySelector(`[data-bit="${focused}"]`)?.focus();
  say(sentence(answer, body), { unseen: true });
}

// What a screen reader says: the first line of the answer, or what was wrong.
function sentence(answer, body) {
  const findings = body.querySelectorAll(".hv-findings li").length;
  const first = answer.text.split("\n").find((line) => line.trim()) ?? "";
  return answer.errors || first.trim().replace(/\s+/g, " ").slice(0, 300) + (findings ? ` (${findings} finding${findings > 1 ? "s" : ""})` : "");
}

function copier(label, text, name = "") {
  const button = make("button", { type: "button", class: name }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here";
    }
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

// ---- Bits ------------------------------------------------------------------------------------------------------------------------------

function watchBits(group) {
  const buttons = [...group.querySelectorAll("button[data-bit]")];
  const rows = [...(group.nextElementSibling?.querySelectorAll("tr[data-bits]") ?? [])];
  const rowOf = (bit) => rows.find((row) => row.dataset.bits.split(" ").some((range) => isWithin(bit, range)));
  const focus = (button) => {
    buttons.forEach((one) => (one.tabIndex = one === button ? 0 : -1));
    button?.focus();
  };
  const mark = (event, isOn) => {
    const bit = event.target.dataset?.bit;
    if (bit !== undefined) rowOf(Number(bit))?.classList.toggle("hv-marked", isOn);
  };
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    group.addEventListener(on, (event) => mark(event, true));
    group.addEventListener(off, (event) => mark(event, false));
  }
  group.addEventListener("click", (event) => event.target.dataset.bit !== undefined && toggle(group, event.target));
  group.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8, Home: -buttons.length, End: buttons.length }[event.key];
    if (at < 0 || step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    focus(buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]);
  });
  const active = buttons.find((one) => one === document.activeElement);
  if (active) focus(active);
}

function isWithin(bit, range) {
  const [high, low] = range.split(":").map(Number);
  return bit <= high && bit >= (low ?? high);
}

function toggle(group, button) {
  const { raw, what } = group.dataset;
  const value = BigInt(raw) ^ (1n << BigInt(button.dataset.bit));
  group.dataset.raw = `0x${value.toString(16).padStart(raw.length - 2, "0")}`;
  const isSet = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isSet));
  button.textContent = isSet ? "1" : "0";
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/[01]$/, button.textContent));
  focusOnly(group, button);
  // The name that was typed stays where the thing is still the same.
  const typed = /^\s*([^\s=:()'"#|>!@\d][^\s=:()'"#|>!@]*)(?:\s*=\s*|\s+)[0-9][\w`]*\s*$/.exec(question.value)?.[1];
  question.value = `${typed ?? what} 0x${value.toString(16)}`;
  fit();
  ask(question.value, { keepsPlace: true });
}

function focusOnly(group, button) {
  group.querySelectorAll("button[data-bit]").forEach((one) => (one.tabIndex = one === button ? 0 : -1));
  button.focus();
}

// ---- Links: #arm64/sint2=0x10013, or a long text packed -----------------------------------------------------------------------------------

async function setLink(text, of, { replaces }) {
  const hash = text ? await toHash(text, of) : "";
  if (hash === null) {
    say("This is too long for a link; send the text itself.");
    shown.querySelector(".hv-link")?.remove();
  }
  const url = location.pathname + location.search + (hash ? `#${hash}` : "");
  if (hash && `#${hash}` === location.hash) return;
  history[replaces ? "replaceState" : "pushState"](null, "", url);
}

async function toHash(text, of) {
  const plain = encodeURIComponent(text).replace(/%(3D|3A|2C|20|40|2F)/g, (all, code) => ({ "3D": "=", "3A": ":", "2C": ",", "40": "@", "2F": "/" })[code] ?? all);
  const hash = plain.length <= SHORT ? `${of}/${plain}` : [`${of}/${plain}`, `${of}/${PACKED}${await pack(text)}`].sort((a, b) => a.length - b.length)[0];
  return hash.length <= LONGEST_LINK ? hash : null;
}

async function pack(text) {
  const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
  let bytes = "";
  for (const byte of new Uint8Array(packed)) bytes += String.fromCharCode(byte);
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  const parts = [];
  let size = 0;
  for (const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > LONGEST_TEXT) throw new Failed("The text in this link is too long.");
    parts.push(value);
  }
  return new Blob(parts).text();
}

// The arch and the text of a link; null where # only leads to a place of the page.
async function readHash() {
  const hash = location.hash.slice(1);
  if (!hash || document.getElementById(hash)) return null;
  const [, of, rest] = /^(?:(x64|arm64)\/)?(.*)$/s.exec(hash);
  if (!of && !/[=\d]/.test(rest)) return null;
  try {
    return { of: of ?? ARCHES[0], text: rest.startsWith(PACKED) ? await unpack(rest.slice(1)) : decodeURIComponent(rest) };
  } catch (error) {
    throw new Failed(error instanceof Failed ? error.message : "This link is damaged: what comes after # cannot be read.");
  }
}

async function followLink() {
  let asked;
  try {
    asked = await readHash();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    empty(error.message);
    return;
  }
  if (!asked) return;
  arch.value = asked.of;
  question.value = asked.text;
  fit();
  await ask(asked.text, { fromLink: true });
}

// ---- The box ---------------------------------------------------------------------------------------------------------------------------

function fit(most = MOST_ROWS) {
  question.rows = Math.min(most, question.value.slice(0, 10_000).split("\n").length);
}

function touch() {
  try {
    startWorker();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    say(error.message);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(question.value);
});
question.addEventListener("focus", touch);
question.addEventListener("input", () => fit());
question.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return; // a hit of the search was chosen
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
question.addEventListener("paste", (event) => {
  if ((event.clipboardData?.getData("text").length ?? 0) > LONGEST_TEXT) {
    event.preventDefault(); // a browser may not survive to show it
    say(TOO_LONG);
  } else setTimeout(() => /[\d\n]/.test(question.value) && form.requestSubmit());
});
arch.addEventListener("change", () => question.value.trim() && ask(question.value));
addEventListener("hashchange", followLink);
addEventListener("popstate", () => !location.hash && empty());

async function askFile(dropped) {
  if (!dropped) return;
  if (isServed) {
    const text = dropped.size > LONGEST_TEXT ? "\0" : await dropped.text();
    question.value = "";
    if (text.includes("\0")) say(`${dropped.name} is too large for this page, or not text. In a terminal: hvrepl scan FILE, or hvrepl annotate FILE.`);
    else {
      question.value = text;
      await ask(text);
    }
    return;
  }
  question.value = "";
  fit();
  ask("", { dropped });
}

file.addEventListener("change", () => {
  askFile(file.files[0]);
  file.value = "";
});
addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.documentElement.classList.add("hv-dragging");
});
for (const name of ["dragleave", "drop", "dragend"]) addEventListener(name, () => document.documentElement.classList.remove("hv-dragging"));
addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  askFile(event.dataTransfer.files[0]);
});

// ---- Without a connection --------------------------------------------------------------------------------------------------------------

async function keepForOffline() {
  if (isServed || !navigator.serviceWorker) return;
  const { active } = await navigator.serviceWorker.ready;
  const here = location.href.split("#")[0];
  active.postMessage({ keep: [here, new URL("static/worker.js", root).href, ...performance.getEntriesByType("resource").map((one) => one.name)] });
}

if (!isServed && navigator.serviceWorker) {
  navigator.serviceWorker.register(new URL("service-worker.js", root)).then(keepForOffline, () => undefined); // without it all but this works
}

fit();
if (location.hash) followLink();
else if (document.activeElement === question) touch();
