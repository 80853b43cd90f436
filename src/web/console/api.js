// What the page asks by HTTP: the session, favourites, notes, earlier calls. JSON both ways.

/**
 * @typedef {{operator: string, phone: string, phones: string[], domain: string, expires: string, queues: string[],
 *            max_calls: number, desk: 'up' | 'none'}} Session `desk`: another one of this operator's
 * @typedef {{id: number, text: string, by: string, at: string}} Note
 * @typedef {{at: string, caller: string, caller_name: string, callee: string | null, operator: string | null,
 *            outcome: string, waited: number, talked: number}} Call
 */

/** An answer that is none of the good ones. */
export class Refusal extends Error {
  /** @param {number} status @param {string} word @param {string} text @param {number} after in seconds */
  constructor(status, word, text, after) {
    super(text || word || String(status));
    this.status = status;
    this.word = word;
    this.text = text;
    this.after = after;
  }
}

const PATIENCE = 10_000;

/** How far the server's clock is ahead of this one's, in ms; what waits is timed by the server's. */
export const clock = { ahead: 0 };

/** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
async function ask(method, path, body) {
  /** @type {RequestInit} */
  const options = { method, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) };
  // Whatever changes something says that it is JSON: no other page can.
  if (method !== 'GET') options.headers = { 'Content-Type': 'application/json' };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(0, 'unreachable', '', 0);
  }
  const date = Date.parse(answer.headers.get('date') ?? '');
  if (Number.isFinite(date)) {
    // The header has whole seconds: nearer than two there is nothing to correct.
    const ahead = date + 500 - Date.now();
    clock.ahead = Math.abs(ahead) > 2_000 ? ahead : 0;
  }
  const value = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (answer.ok) return value;
  throw new Refusal(answer.status, String(value.error ?? ''), String(value.text ?? ''), Number(answer.headers.get('retry-after')) || 0);
}

/**
 * The still of who waits: another one than that of the tag, or `same`; null where there is none.
 * @param {string} request @param {string} tag @returns {Promise<{tag: string, picture: Blob} | 'same' | null>}
 */
async function still(request, tag) {
  const answer = await fetch(`/api/stills/${part(request)}`, {
    credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE), headers: tag ? { 'If-None-Match': tag } : {},
  });
  if (answer.status === 304) return 'same';
  return answer.ok ? { tag: answer.headers.get('etag') ?? '', picture: await answer.blob() } : null;
}

/** @param {unknown} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value : []);
const part = encodeURIComponent;

export const api = {
  still,
  /** @returns {Promise<Session>} */
  session: () => ask('GET', '/api/session'),
  /** @param {string} operator @param {string} secret @returns {Promise<Session>} */
  logIn: (operator, secret) => ask('POST', '/api/session', { operator, secret }),
  /** By a link that holds once. @param {string} token @returns {Promise<Session>} */
  logInBy: (token) => ask('POST', '/api/session', { token }),
  logOut: () => ask('DELETE', '/api/session'),
  /** @returns {Promise<string[]>} */
  favourites: async () => list((await ask('GET', '/api/favourites')).numbers).map(String),
  /** @param {string[]} numbers */
  keepFavourites: (numbers) => ask('PUT', '/api/favourites', { numbers }),
  /** @param {string} number @returns {Promise<Note[]>} */
  notes: async (number) => list((await ask('GET', `/api/notes/${part(number)}`)).notes),
  /** @param {string} number @param {string} text @returns {Promise<Note>} */
  addNote: (number, text) => ask('POST', `/api/notes/${part(number)}`, { text }),
  /** @param {string} number @param {number} id */
  removeNote: (number, id) => ask('DELETE', `/api/notes/${part(number)}/${id}`),
  /** @param {string} number @returns {Promise<Call[]>} */
  calls: async (number) => list((await ask('GET', `/api/calls?number=${part(number)}&limit=20`)).calls),
  /** @returns {Promise<Call[]>} */
  history: async () => list((await ask('GET', '/api/history?limit=50')).calls),
};
