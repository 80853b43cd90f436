// What two sides remember of each other (RFC 3261 §12), and the session timer (RFC 4028).
import { token } from './chance.js';
import { Headers, SipError, cseq } from './message.js';
import { readAddress, readParams } from './address.js';

/**
 * @typedef {import('./message.js').Request} Request
 * @typedef {import('./message.js').Response} Response
 */

export class Dialog {
  /**
   * @param {{callId: string, local: string, remote: string, target: string, routes: string[], sent: number,
   *          received: number, contact: string}} state
   */
  constructor(state) {
    this.callId = state.callId;
    /** Our address with its tag, theirs with theirs. */
    this.local = state.local;
    this.remote = state.remote;
    this.target = state.target;
    this.routes = state.routes;
    this.sent = state.sent;
    this.received = state.received;
    this.contact = state.contact;
    this.localTag = tagOf(state.local);
    this.remoteTag = tagOf(state.remote);
  }

  /** Of our INVITE and its 2xx. @param {Request} invite @param {Response} response */
  static ofResponse(invite, response) {
    return new Dialog({
      callId: need(invite.headers, 'call-id'),
      local: need(invite.headers, 'from'),
      remote: need(response.headers, 'to'),
      target: targetOf(response.headers),
      routes: response.headers.all('record-route').reverse(),
      sent: cseq(invite.headers).number,
      received: -1,
      contact: need(invite.headers, 'contact'),
    });
  }

  /** Of their INVITE, which we answer with this tag and contact. @param {Request} invite @param {string} tag @param {string} contact */
  static ofRequest(invite, tag, contact) {
    return new Dialog({
      callId: need(invite.headers, 'call-id'),
      local: `${need(invite.headers, 'to')};tag=${tag}`,
      remote: need(invite.headers, 'from'),
      target: targetOf(invite.headers),
      routes: invite.headers.all('record-route'),
      sent: 0,
      received: cseq(invite.headers).number,
      contact,
    });
  }

  /** A request within it. @param {string} method @param {[string, string][]} more @param {string} body @returns {Request} */
  request(method, more = [], body = '') {
    this.sent += 1;
    return this.numbered(method, this.sent, more, body);
  }

  /** The ACK of a 2xx to the INVITE of this number. @param {number} number @param {[string, string][]} more @param {string} body */
  ack(number, more = [], body = '') {
    return this.numbered('ACK', number, more, body);
  }

  /** @param {string} method @param {number} number @param {[string, string][]} more @param {string} body @returns {Request} */
  numbered(method, number, more, body) {
    const headers = new Headers();
    headers.add('Max-Forwards', 70);
    for (const route of this.routes) headers.add('Route', route);
    headers.add('From', this.local);
    headers.add('To', this.remote);
    headers.add('Call-ID', this.callId);
    headers.add('CSeq', `${number} ${method}`);
    if (method === 'INVITE' || method === 'UPDATE') headers.add('Contact', this.contact);
    for (const [name, value] of more) headers.add(name, value);
    return { method, uri: this.target, headers, body };
  }

  /** Whether it is of this dialog. @param {Headers} headers @param {boolean} isRequest */
  has(headers, isRequest) {
    const [local, remote] = isRequest ? ['to', 'from'] : ['from', 'to'];
    return headers.get('call-id') === this.callId
      && tagOf(headers.get(local) ?? '') === this.localTag
      && tagOf(headers.get(remote) ?? '') === this.remoteTag;
  }

  /** Whether a request comes in its order (§12.2.2); the ACK and the CANCEL have the number of their INVITE. @param {Request} request */
  takes(request) {
    const { number } = cseq(request.headers);
    if (number <= this.received) return false;
    this.received = number;
    return true;
  }

  /** A re-INVITE or UPDATE, or a 2xx to ours, moves the target (§12.2). @param {Headers} headers */
  retarget(headers) {
    if (headers.get('contact')) this.target = targetOf(headers);
  }
}

/** @param {string} value */
export function tagOf(value) {
  try {
    return readAddress(value).params.get('tag') ?? '';
  } catch {
    return '';
  }
}

/** @param {Headers} headers @param {string} name */
function need(headers, name) {
  const value = headers.get(name);
  if (!value) throw new SipError(`no ${name}`);
  return value;
}

/** @param {Headers} headers */
function targetOf(headers) {
  return readAddress(need(headers, 'contact')).uri;
}

/**
 * The timer of a session: who refreshes it, and when it is over.
 *   ours    half of it ──▶ onRefresh            theirs   it runs out ──▶ onOver
 */
export class SessionTimer {
  constructor() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.onRefresh = () => {};
    this.onOver = () => {};
  }

  /** @param {string | undefined} value of Session-Expires @param {boolean} isUac whether we sent the request that carried it */
  set(value, isUac) {
    clearTimeout(this.timer);
    const [first = '', ...rest] = (value ?? '').split(';');
    const seconds = Number(first.trim());
    if (!value || !(seconds > 0) || seconds > 86_400) return;
    const refresher = readParams(rest.join(';')).get('refresher') ?? 'uac';
    const isOurs = (refresher === 'uac') === isUac;
    // §10: who waits for the other gives up a little before the end.
    const after = isOurs ? seconds / 2 : seconds - Math.min(32, seconds / 3);
    this.timer = setTimeout(() => (isOurs ? this.onRefresh() : this.onOver()), after * 1_000);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** A request that begins a dialog or stands alone. @param {string} method @param {string} uri @param {string} from @param {string} to @param {[string, string][]} more @param {string} body @returns {Request} */
export function firstRequest(method, uri, from, to, more = [], body = '') {
  const headers = new Headers();
  headers.add('Max-Forwards', 70);
  headers.add('From', `${from};tag=${token()}`);
  headers.add('To', to);
  headers.add('Call-ID', token(12));
  headers.add('CSeq', `1 ${method}`);
  for (const [name, value] of more) headers.add(name, value);
  return { method, uri, headers, body };
}
