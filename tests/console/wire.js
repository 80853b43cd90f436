// The other side of a wire, for tests: what was sent is read, what is to come is put in.
import { Headers, cseq, isRequest, parse, print } from '../../src/web/console/sip/message.js';
import { Agent } from '../../src/web/console/sip/agent.js';

export class FakeWire {
  constructor() {
    /** @type {any[]} */
    this.sent = [];
    this.isUp = true;
    this.url = 'ws://127.0.0.1/sip';
    this.onText = (/** @type {string} */ _text) => {};
    this.onUp = () => {};
    this.onDown = () => {};
    this.agent = new Agent(this, { domain: 'example.com', instance: 'urn:uuid:0' });
    this.numbers = 0;
  }

  /** @param {string} text */
  send(text) {
    if (this.isUp) this.sent.push(parse(text));
    return this.isUp;
  }

  /** The next message that was sent. */
  next() {
    const message = this.sent.shift();
    if (!message) throw new Error('nothing was sent');
    return message;
  }

  /** The next request, which must be of this method. @param {string} method */
  request(method) {
    const message = this.next();
    if (!isRequest(message) || message.method !== method) {
      throw new Error(`${method} was to be sent, but ${isRequest(message) ? message.method : message.status} was`);
    }
    return message;
  }

  /** The next response, which must have this status. @param {number} status */
  response(status) {
    const message = this.next();
    if (isRequest(message) || message.status !== status) {
      throw new Error(`${status} was to be sent, but ${isRequest(message) ? message.method : message.status} was`);
    }
    return message;
  }

  /** @param {any} request @param {number} status @param {[string, string][]} more @param {string} body */
  answer(request, status, more = [], body = '') {
    const headers = new Headers();
    for (const name of ['Via', 'From', 'Call-ID', 'CSeq']) headers.add(name, request.headers.get(name) ?? '');
    const to = request.headers.get('to') ?? '';
    headers.add('To', to.includes('tag=') ? to : `${to};tag=them`);
    for (const [name, value] of more) headers.add(name, value);
    this.onText(print({ status, reason: 'Because', headers, body }));
  }

  /** A request of theirs. @param {string} method @param {Record<string, string>} with_ @param {[string, string][]} more @param {string} body */
  come(method, { to, from, callId, branch, number }, more = [], body = '') {
    this.numbers += 1;
    const headers = new Headers();
    headers.add('Via', `SIP/2.0/WS them;branch=${branch ?? `z9hG4bK${this.numbers}`}`);
    headers.add('From', from ?? '').add('To', to ?? '').add('Call-ID', callId ?? 'c1');
    headers.add('CSeq', `${number ?? this.numbers} ${method}`);
    for (const [name, value] of more) headers.add(name, value);
    this.onText(print({ method, uri: 'sip:us@us.invalid', headers, body }));
  }
}

/** A request of theirs within a dialog of ours. @param {FakeWire} wire @param {any} ours any request of ours in it @param {string} method @param {[string, string][]} more @param {string} body */
export function inDialog(wire, ours, method, more = [], body = '', number = '') {
  const to = ours.headers.get('to') ?? '';
  wire.come(method, {
    to: ours.headers.get('from') ?? '', from: to.includes('tag=') ? to : `${to};tag=them`, callId: ours.headers.get('call-id') ?? '',
    ...(number ? { number } : {}),
  }, more, body);
}

export { cseq };
