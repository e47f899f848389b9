// Requests and answers. A refusal is a Problem (RFC 9457); anything else that goes wrong is the network's fault,
// and may be tried again.
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `The server answered ${status}.`);
    this.status = status;
    this.title = body?.title ?? '';
  }
}

const TIMEOUT = 15_000;
const BUSY = new Set([408, 429, 500, 502, 503, 504]);

export const pause = (ms, signal) => new Promise((resolve, reject) => {
  signal?.throwIfAborted();
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

// Doubling, at most 15 s, and jittered: a thousand pages must not come back in the same moment after a restart.
export const backOff = attempt => Math.min(15_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);

async function send(url, options = {}) {
  const within = new AbortController();
  const timer = setTimeout(() => within.abort(new Error('No answer in time.')), TIMEOUT);
  const stop = () => within.abort(options.signal.reason);
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    options.signal?.throwIfAborted();
    const response = await fetch(url, { ...options, signal: within.signal });
    const isJson = /\bjson\b/.test(response.headers.get('Content-Type') ?? '');
    const body = isJson ? await response.json().catch(() => null) : null;
    if (!response.ok) throw new Problem(response.status, body);
    return {
      body,
      cursor: response.headers.get('Headwater-Cursor'),
      next: /<([^>]+)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1] ?? null,
      // If-Match compares strongly, and a proxy that compresses may have weakened the tag on its way here.
      etag: response.headers.get('ETag')?.replace(/^W\//, '') ?? null,
    };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
  }
}

export const get = (url, signal) => send(url, { signal, headers: { Accept: 'application/json' } });

// All pages of a list. Each page is a snapshot of its own, and has a cursor of its own.
export async function getAll(url, signal) {
  const all = { body: [], cursors: [] };
  for (let next = url; next;) {
    const page = await get(next, signal);
    all.body.push(...page.body);
    all.cursors.push(page.cursor);
    next = page.next;
  }
  return all;
}

// A read that must succeed some day: it is repeated until it does, or until nobody wants it any more.
export async function getPatiently(url, signal, read = get) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await read(url, signal);
    } catch (error) {
      if (signal?.aborted || (error instanceof Problem && !BUSY.has(error.status))) throw error;
      await pause(backOff(attempt), signal);
    }
  }
}

// A command may be sent twice when its answer is lost; the key makes the second a question about the first.
export async function command(url, body, { ifMatch, onRetry } = {}) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `"${uuid()}"` };
  if (ifMatch) headers['If-Match'] = ifMatch;
  for (let attempt = 0; ; attempt++) {
    try {
      return await send(url, { method: 'POST', headers, body: JSON.stringify(body) });
    } catch (error) {
      if (attempt === 5 || (error instanceof Problem && !BUSY.has(error.status))) throw error;
      onRetry?.();
      await pause(backOff(attempt));
    }
  }
}

// randomUUID exists only in secure contexts, which a plain address on the local network is not.
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 0x0f | 0x40;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
