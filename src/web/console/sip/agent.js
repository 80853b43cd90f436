// The user agent: one transport, its transactions, the calls by dialog, the registration.
//
//   transport ─▶ transactions ─┬─▶ a call of this dialog
//                              ├─▶ a new INVITE ─▶ onInvite
//                              └─▶ OPTIONS, and the refusal of all else
import { token } from './chance.js';
import { Transactions } from './transactions.js';
import { tagOf } from './dialog.js';

export const ALLOW = 'INVITE, ACK, BYE, CANCEL, INFO, UPDATE, OPTIONS';

/**
 * @typedef {import('./message.js').Request} Request
 * @typedef {import('./message.js').Response} Response
 * @typedef {import('./transactions.js').Incoming} Incoming
 * @typedef {{send: (text: string) => boolean, onText: (text: string) => void, onUp: () => void, onDown: () => void,
 *            url?: string}} Wire
 * @typedef {{dialog: import('./dialog.js').Dialog | null, onRequest: (incoming: Incoming) => void,
 *            onAck?: (request: Request) => void, onLateSuccess?: (response: Response) => void}} Call
 */

export class Agent {
  /** @param {Wire} wire @param {{domain: string, instance: string}} names */
  constructor(wire, names) {
    this.wire = wire;
    this.domain = names.domain;
    this.instance = names.instance;
    this.transactions = new Transactions((text) => wire.send(text));
    this.transactions.protocol = wire.url?.startsWith('ws:') ? 'WS' : 'WSS';
    /** The same as long as the page is: calls outlive a connection. */
    this.user = token(6);
    /** @type {Set<Call>} */
    this.calls = new Set();
    /** @type {(incoming: Incoming) => void} */
    this.onInvite = (incoming) => incoming.respond(480, 'Temporarily Unavailable');
    this.onUp = () => {};
    this.onDown = () => {};
    this.transactions.onRequest = (incoming) => this.take(incoming);
    this.transactions.onAck = (request) => this.find(request.headers, true)?.onAck?.(request);
    this.transactions.onLateSuccess = (response) => this.find(response.headers, false)?.onLateSuccess?.(response);
    wire.onText = (text) => this.transactions.receive(text);
    wire.onUp = () => this.onUp();
    wire.onDown = () => {
      this.transactions.lose();
      this.onDown();
    };
  }

  /** Where requests of a dialog reach us: by the flow that we keep open. */
  get contact() {
    const transport = this.transactions.protocol.toLowerCase();
    return `<sip:${this.user}@${this.transactions.host};transport=${transport}>`;
  }

  /** @param {Request} request @param {(response: Response) => void} onResponse */
  request(request, onResponse) {
    this.transactions.request(request, onResponse);
  }

  /** @param {import('./message.js').Headers} headers @param {boolean} isRequest */
  find(headers, isRequest) {
    for (const call of this.calls) {
      if (call.dialog?.has(headers, isRequest)) return call;
    }
    return undefined;
  }

  /** @param {Incoming} incoming */
  take(incoming) {
    const { request } = incoming;
    const call = this.find(request.headers, true);
    if (call?.dialog) {
      if (call.dialog.takes(request)) call.onRequest(incoming);
      else incoming.respond(500, 'Server Internal Error');
    } else if (tagOf(request.headers.get('to') ?? '')) {
      incoming.respond(481, 'Call/Transaction Does Not Exist');
    } else if (request.method === 'INVITE') {
      this.takeInvite(incoming);
    } else if (request.method === 'OPTIONS') {
      incoming.respond(200, 'OK', [['Allow', ALLOW], ['Accept', 'application/sdp'], ['Supported', 'timer, outbound']]);
    } else {
      incoming.respond(405, 'Method Not Allowed', [['Allow', ALLOW]]);
    }
  }

  /** @param {Incoming} incoming */
  takeInvite(incoming) {
    const { headers } = incoming.request;
    const odd = headers.all('require').filter((option) => option.toLowerCase() !== 'timer');
    if (odd.length > 0) {
      incoming.respond(420, 'Bad Extension', odd.map((option) => ['Unsupported', option]));
    } else if (!headers.get('contact')) {
      incoming.respond(400, 'No Contact');
    } else {
      this.onInvite(incoming);
    }
  }
}
