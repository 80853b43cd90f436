// Transactions over a transport that loses and repeats nothing (RFC 3261 §17): no timers A, E, G, only the patience.
//
//   client   sent ── 1xx ──▶ proceeding ── final ──▶ done      an ACK follows each 300 to 699 to an INVITE
//   server   come ── 1xx ──▶ proceeding ── final ──▶ done      an INVITE is remembered until its ACK
import { token } from './chance.js';
import { Headers, SipError, cseq, isRequest, parse, print } from './message.js';
import { readAddress, readParams } from './address.js';

/** Timers B, F and H, in ms. */
const PATIENCE = 32_000;
/** Requests that wait for us at once; more are answered with 503. */
const SERVER_MAX = 100;

/**
 * @typedef {import('./message.js').Request} Request
 * @typedef {import('./message.js').Response} Response
 * @typedef {{request: Request, onResponse: (response: Response) => void, timer: ReturnType<typeof setTimeout>}} Client
 */

/** A request that came and is to be answered. */
export class Incoming {
  /** @param {Request} request @param {(text: string) => void} send */
  constructor(request, send) {
    this.request = request;
    this.send = send;
    /** Our tag, where the request has none in To. */
    this.tag = token();
    /** @type {Response | null} */
    this.last = null;
    this.isDone = false;
    this.onCancel = () => {};
  }

  /**
   * @param {number} status @param {string} reason @param {[string, string][]} more @param {string} body
   */
  respond(status, reason, more = [], body = '') {
    if (this.isDone) return;
    const headers = new Headers();
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Record-Route']) {
      for (const value of this.request.headers.all(name)) {
        const isBare = name === 'To' && status > 100 && !readAddress(value).params.has('tag');
        headers.add(name, isBare ? `${value};tag=${this.tag}` : value);
      }
    }
    for (const [name, value] of more) headers.add(name, value);
    this.last = { status, reason, headers, body };
    this.isDone = status >= 200;
    this.send(print(this.last));
  }
}

export class Transactions {
  /** @param {(text: string) => boolean} send */
  constructor(send) {
    this.send = send;
    /** What our Via says: a name that is none (RFC 7118 §5.2.1). */
    this.host = `${token(6)}.invalid`;
    this.protocol = 'WSS';
    /** @type {Map<string, Client>} */
    this.clients = new Map();
    /** @type {Map<string, Incoming>} */
    this.servers = new Map();
    /** @type {(incoming: Incoming) => void} */
    this.onRequest = (incoming) => incoming.respond(501, 'Not Implemented');
    /** @type {(request: Request) => void} */
    this.onAck = () => {};
    /** A 2xx to an INVITE that has no transaction any more: its ACK is wanted again. @type {(response: Response) => void} */
    this.onLateSuccess = () => {};
  }

  /**
   * Sends a request; `onResponse` gets each response, the last is final. One that never comes is a 408 of ours, one whose
   * connection went a 503 of ours.
   * @param {Request} request @param {(response: Response) => void} onResponse
   */
  request(request, onResponse) {
    const branch = `z9hG4bK${token()}`;
    const via = `SIP/2.0/${this.protocol} ${this.host};branch=${branch};rport`;
    const sent = { ...request, headers: new Headers([['Via', via], ...request.headers.lines]) };
    const timer = setTimeout(() => this.fail(branch, 408, 'Request Timeout'), PATIENCE);
    this.clients.set(branch, { request: sent, onResponse, timer });
    if (!this.send(print(sent))) setTimeout(() => this.fail(branch, 503, 'No Connection'));
  }

  /** An ACK to a 2xx, which is a transaction of its own. @param {Request} ack */
  acknowledge(ack) {
    const via = `SIP/2.0/${this.protocol} ${this.host};branch=z9hG4bK${token()};rport`;
    this.send(print({ ...ack, headers: new Headers([['Via', via], ...ack.headers.lines]) }));
  }

  /** The connection is gone: who waits for a response waits in vain. */
  lose() {
    for (const branch of [...this.clients.keys()]) this.fail(branch, 503, 'No Connection');
    this.servers.clear();
  }

  /** @param {string} branch @param {number} status @param {string} reason */
  fail(branch, status, reason) {
    const client = this.clients.get(branch);
    if (!client) return;
    clearTimeout(client.timer);
    this.clients.delete(branch);
    client.onResponse({ status, reason, headers: new Headers(), body: '' });
  }

  /** @param {string} text */
  receive(text) {
    let message;
    try {
      message = parse(text);
      if (isRequest(message)) this.receiveRequest(message);
      else this.receiveResponse(message);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      console.warn(`a SIP message that cannot be read: ${error.message}`);
    }
  }

  /** @param {Response} response */
  receiveResponse(response) {
    const { method } = cseq(response.headers);
    const branch = branchOf(response.headers);
    const client = this.clients.get(branch);
    if (!client || client.request.method !== method) {
      if (method === 'INVITE' && isSuccess(response)) this.onLateSuccess(response);
      return;
    }
    if (response.status >= 200) {
      clearTimeout(client.timer);
      this.clients.delete(branch);
      if (method === 'INVITE' && response.status >= 300) this.send(print(ackOf(client.request, response)));
    } else if (method === 'INVITE') {
      // Timer B ends with the first provisional response: people take their time.
      clearTimeout(client.timer);
    }
    client.onResponse(response);
  }

  /** @param {Request} request */
  receiveRequest(request) {
    // The address must be readable before anybody answers it.
    readAddress(request.headers.get('to') ?? '');
    readAddress(request.headers.get('from') ?? '');
    if (request.method === 'ACK') {
      this.servers.delete(`${branchOf(request.headers)} INVITE`);
      this.onAck(request);
      return;
    }
    const key = `${branchOf(request.headers)} ${request.method}`;
    const known = this.servers.get(key);
    if (known) {
      if (known.last) this.send(print(known.last));
      return;
    }
    const incoming = new Incoming(request, (text) => {
      // Nothing is repeated on such a transport: what is answered is done (timer J is 0). An INVITE waits for its ACK.
      if (incoming.isDone && request.method !== 'INVITE') this.servers.delete(key);
      this.send(text);
    });
    if (this.servers.size >= SERVER_MAX) {
      incoming.respond(503, 'Service Unavailable', [['Retry-After', '5']]);
      return;
    }
    this.servers.set(key, incoming);
    if (request.method === 'INVITE') setTimeout(() => this.servers.get(key)?.isDone && this.servers.delete(key), PATIENCE);
    if (request.method === 'CANCEL') this.cancel(incoming);
    else this.onRequest(incoming);
  }

  /** @param {Incoming} incoming */
  cancel(incoming) {
    const invite = this.servers.get(`${branchOf(incoming.request.headers)} INVITE`);
    if (!invite) {
      incoming.respond(481, 'Call/Transaction Does Not Exist');
      return;
    }
    incoming.tag = invite.tag;
    incoming.respond(200, 'OK');
    if (!invite.isDone) {
      invite.respond(487, 'Request Terminated');
      invite.onCancel();
    }
  }
}

/** @param {Response} response */
export function isSuccess(response) {
  return response.status >= 200 && response.status < 300;
}

/** @param {Headers} headers */
function branchOf(headers) {
  const via = headers.get('via') ?? '';
  const semicolon = via.indexOf(';');
  return (semicolon < 0 ? '' : readParams(via.slice(semicolon + 1)).get('branch')) ?? '';
}

/** RFC 3261 §17.1.1.3. @param {Request} invite @param {Response} response @returns {Request} */
function ackOf(invite, response) {
  const headers = new Headers();
  headers.add('Via', invite.headers.get('via') ?? '');
  for (const route of invite.headers.all('route')) headers.add('Route', route);
  headers.add('Max-Forwards', 70);
  headers.add('From', invite.headers.get('from') ?? '');
  headers.add('To', response.headers.get('to') ?? '');
  headers.add('Call-ID', invite.headers.get('call-id') ?? '');
  headers.add('CSeq', `${cseq(invite.headers).number} ACK`);
  return { method: 'ACK', uri: invite.uri, headers, body: '' };
}
