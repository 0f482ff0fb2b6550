// Keeps what was visited, so that it is there without a connection. What is online is always newer, but for the runtime, whose path has its sum.

const CACHE = "hvrepl"; // worker.js has the same
const RUNTIME = /\/static\/runtime\/([0-9a-f]{16})\//;

self.addEventListener("install", (event) => event.waitUntil(keep([self.registration.scope]).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A page says what it is made of: it was there before this worker saw any of it.
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.keep)) event.waitUntil(keep(event.data.keep.filter((url) => new URL(url).origin === self.location.origin)));
});

async function keep(urls) {
  const cache = await caches.open(CACHE);
  await Promise.allSettled(urls.map(async (url) => (await cache.match(url)) ?? cache.add(url)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope) || request.headers.has("range")) return;
  event.respondWith(RUNTIME.test(new URL(request.url).pathname) ? keptFirst(request) : newestFirst(request));
});

async function keptFirst(request) {
  return (await find(request)) ?? newestFirst(request);
}

async function newestFirst(request) {
  try {
    const response = await fetch(request);
    if (response.ok && response.type === "basic") await store(request, response.clone());
    return response;
  } catch (error) {
    const kept = (await find(request)) ?? (request.mode === "navigate" ? await find(self.registration.scope) : undefined);
    if (kept) return kept;
    throw error;
  }
}

const find = (request) => caches.open(CACHE).then((cache) => cache.match(request, { ignoreVary: true }));

async function store(request, response) {
  const cache = await caches.open(CACHE);
  await cache.put(request, response).catch(() => undefined); // there may be no room
  if (request.url.endsWith("/static/runtime/runtime.json")) await dropOthers(cache, (await (await cache.match(request)).json()).folder);
}

// The runtimes of earlier versions of the site.
async function dropOthers(cache, folder) {
  for (const request of await cache.keys()) {
    const of = RUNTIME.exec(new URL(request.url).pathname)?.[1];
    if (of && of !== folder) await cache.delete(request);
  }
}
