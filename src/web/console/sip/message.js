// SIP messages: parse and print (RFC 3261 §7, §25), as they travel in WebSocket frames (RFC 7118 §5). Pure.

/** The longest message, in characters. */
export const MESSAGE_MAX = 65_536;
/** The longest header line, folded lines joined, in characters. */
export const LINE_MAX = 8_192;
/** The most header lines of a message. */
export const HEADERS_MAX = 200;

/** A message that is none, and why. */
export class SipError extends Error {}

/** RFC 3261 §7.3.3 and the later registrations that we meet. */
const COMPACT = new Map(Object.entries({
  a: 'accept-contact', b: 'referred-by', c: 'content-type', e: 'content-encoding', f: 'from', i: 'call-id', k: 'supported',
  l: 'content-length', m: 'contact', o: 'event', r: 'refer-to', s: 'subject', t: 'to', u: 'allow-events', v: 'via',
  x: 'session-expires',
}));

/** Headers whose value is a list, so that a comma in it is the same as another line. */
const LISTS = new Set([
  'via', 'route', 'record-route', 'contact', 'supported', 'require', 'allow', 'accept', 'recv-info', 'reason', 'call-info',
  'alert-info', 'unsupported',
]);

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/** @param {string} name */
function canonical(name) {
  const lower = name.toLowerCase();
  return COMPACT.get(lower) ?? lower;
}

/** Header lines in their order. */
export class Headers {
  /** @param {[string, string][]} lines */
  constructor(lines = []) {
    /** @type {[string, string][]} */
    this.lines = lines;
  }

  /** @param {string} name @param {string | number} value */
  add(name, value) {
    this.lines.push([name, String(value)]);
    return this;
  }

  /** The first value of this name. @param {string} name @returns {string | undefined} */
  get(name) {
    return this.all(name)[0];
  }

  /** All values of this name; of a list its items. @param {string} name @returns {string[]} */
  all(name) {
    const wanted = canonical(name);
    const values = this.lines.filter(([known]) => canonical(known) === wanted).map(([, value]) => value);
    return LISTS.has(wanted) ? values.flatMap((value) => split(value, ',')) : values;
  }

  /** Whether a list of tokens has this one. @param {string} name @param {string} token */
  has(name, token) {
    return this.all(name).some((value) => bare(value) === token.toLowerCase());
  }
}

/** The value without its parameters, in small letters. @param {string} value */
export function bare(value) {
  return (value.split(';')[0] ?? '').trim().toLowerCase();
}

/**
 * Splits at a sign that stands neither in quotes nor in angle brackets.
 * @param {string} text @param {string} sign @returns {string[]}
 */
export function split(text, sign) {
  const parts = [];
  let quoted = false;
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted && letter === '\\') at += 1;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && letter === '<') depth += 1;
    else if (!quoted && letter === '>') depth = Math.max(0, depth - 1);
    else if (!quoted && depth === 0 && letter === sign) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts.filter((part) => part !== '');
}

/**
 * @typedef {{method: string, uri: string, headers: Headers, body: string}} Request
 * @typedef {{status: number, reason: string, headers: Headers, body: string}} Response
 */

/** @param {Request | Response} message @returns {message is Request} */
export function isRequest(message) {
  return 'method' in message;
}

/**
 * Reads one message, which is the whole of a frame.
 * @param {string} text @returns {Request | Response}
 */
export function parse(text) {
  if (text.length > MESSAGE_MAX) throw new SipError('longer than 64 KiB');
  // A keep-alive may stand before it (RFC 3261 §7.5).
  const start = text.search(/[^\r\n]/);
  if (start < 0) throw new SipError('nothing but empty lines');
  const found = /\r?\n\r?\n/.exec(text.slice(start));
  const end = found ? start + found.index : text.length;
  const lines = unfold(text.slice(start, end));
  const headers = new Headers(lines.slice(1).map(readLine));
  const body = cut(found ? text.slice(end + found[0].length) : '', headers);
  const first = lines[0] ?? '';
  const message = first.startsWith('SIP/') ? readStatus(first, headers, body) : readRequest(first, headers, body);
  check(message);
  return message;
}

/** @param {string} head */
function unfold(head) {
  /** @type {string[]} */
  const lines = [];
  for (const line of head.split(/\r?\n/)) {
    if (/^[ \t]/.test(line) && lines.length > 1) lines[lines.length - 1] += ` ${line.trim()}`;
    else lines.push(line);
    if (lines.length > HEADERS_MAX) throw new SipError('too many headers');
  }
  if (lines.some((line) => line.length > LINE_MAX)) throw new SipError('a header that is too long');
  return lines;
}

/** @param {string} line @returns {[string, string]} */
function readLine(line) {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon)).trim();
  if (!TOKEN.test(name)) throw new SipError('a header without a name');
  return [name, line.slice(colon + 1).trim()];
}

/**
 * The body as Content-Length has it, where it says anything (RFC 7118 §5: it need not).
 * @param {string} rest @param {Headers} headers
 */
function cut(rest, headers) {
  const said = headers.get('content-length');
  if (said === undefined) return rest;
  if (!/^\d{1,7}$/.test(said)) throw new SipError('Content-Length is no number');
  const bytes = new TextEncoder().encode(rest);
  const length = Number(said);
  if (length > bytes.length) throw new SipError('shorter than Content-Length');
  return length === bytes.length ? rest : new TextDecoder().decode(bytes.slice(0, length));
}

/** @param {string} line @param {Headers} headers @param {string} body @returns {Response} */
function readStatus(line, headers, body) {
  const found = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/.exec(line);
  if (!found) throw new SipError('a status line that is none');
  return { status: Number(found[1]), reason: found[2] ?? '', headers, body };
}

/** @param {string} line @param {Headers} headers @param {string} body @returns {Request} */
function readRequest(line, headers, body) {
  const found = /^(\S+) (\S+) SIP\/2\.0$/.exec(line);
  const [, method = '', uri = ''] = found ?? [];
  if (!TOKEN.test(method)) throw new SipError('a request line that is none');
  return { method, uri, headers, body };
}

/** What each message has to have (RFC 3261 §8.1.1). @param {Request | Response} message */
function check(message) {
  for (const name of ['via', 'from', 'to', 'call-id', 'cseq']) {
    if (!message.headers.get(name)) throw new SipError(`no ${name}`);
  }
  const { method } = cseq(message.headers);
  if (isRequest(message) && method !== message.method) throw new SipError('another method in CSeq');
}

/** @param {Headers} headers @returns {{number: number, method: string}} */
export function cseq(headers) {
  const found = /^(\d{1,10})\s+(\S+)$/.exec(headers.get('cseq') ?? '');
  const number = Number(found?.[1]);
  if (!found || number > 0x7fff_ffff) throw new SipError('CSeq is none');
  return { number, method: found[2] ?? '' };
}

/** @param {Request | Response} message @returns {string} */
export function print(message) {
  const first = isRequest(message)
    ? `${message.method} ${message.uri} SIP/2.0`
    : `SIP/2.0 ${message.status} ${message.reason}`;
  // What somebody typed must not begin a line of its own.
  const clean = (/** @type {string} */ value) => value.replace(/[\r\n\0]+/g, ' ');
  const lines = message.headers.lines.map(([name, value]) => `${name}: ${clean(value)}`);
  const length = new TextEncoder().encode(message.body).length;
  return [clean(first), ...lines, `Content-Length: ${length}`, '', message.body].join('\r\n');
}
