// The desk's call: an INVITE that asks for no media, and commands and events as INFO of the package `operator-desk` (RFC 6086).
//
//   calling ── 200, ACK ──▶ open ── BYE, 481, connection gone ──▶ over
//      └── 3xx to 6xx ──▶ over
import { Dialog, SessionTimer, firstRequest } from './dialog.js';
import { bare, cseq } from './message.js';
import { ALLOW } from './agent.js';
import { isSuccess } from './transactions.js';

const PACKAGE = 'operator-desk';
const JSON_TYPE = 'application/vnd.cordboard.desk+json';
/** The session ends when it is not refreshed for so many seconds. */
const SESSION = 90;
/** The longest message, in bytes. */
const MESSAGE_MAX = 16_384;

/**
 * @typedef {import('./message.js').Response} Response
 * @typedef {{status: number, reason: string}} Ending why it is over; status 0 where the switchboard hung up
 */

/** A session description without a stream (RFC 8866 §5.14 asks for none). */
const SDP = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n';

export class DeskCall {
  /** @param {import('./agent.js').Agent} agent @param {string} operator */
  constructor(agent, operator) {
    this.agent = agent;
    this.operator = operator;
    /** @type {Dialog | null} */
    this.dialog = null;
    this.isOver = false;
    this.timer = new SessionTimer();
    this.timer.onRefresh = () => this.refresh();
    this.timer.onOver = () => this.hangUp({ status: 408, reason: 'session expired' });
    this.onOpen = () => {};
    /** @type {(message: Record<string, unknown>) => void} */
    this.onMessage = () => {};
    /** A command that was not even heard. @type {(command: Record<string, unknown>, response: Response) => void} */
    this.onUnheard = () => {};
    /** @type {(ending: Ending) => void} */
    this.onOver = () => {};
  }

  /** @param {number} session in seconds */
  open(session = SESSION) {
    const { agent } = this;
    const uri = `sip:desk@${agent.domain}`;
    const invite = firstRequest('INVITE', uri, `<sip:${this.operator}@${agent.domain}>`, `<${uri}>`, [
      ['Contact', `${agent.contact};+sip.instance="<${agent.instance}>"`],
      ['Recv-Info', PACKAGE],
      ['Accept', `application/sdp, ${JSON_TYPE}`],
      ['Allow', ALLOW],
      ['Supported', 'timer, outbound'],
      ['Session-Expires', `${session};refresher=uac`],
      ['Content-Type', 'application/sdp'],
    ], SDP);
    agent.request(invite, (response) => this.answered(invite, response));
  }

  /** @param {import('./message.js').Request} invite @param {Response} response */
  answered(invite, response) {
    if (response.status < 200) return;
    const least = Number(response.headers.get('min-se'));
    if (response.status === 422 && least > SESSION && least <= 7_200) {
      if (!this.isOver) this.open(least);
      return;
    }
    if (!isSuccess(response)) {
      this.end({ status: response.status, reason: response.reason });
      return;
    }
    this.dialog = Dialog.ofResponse(invite, response);
    this.agent.calls.add(this);
    this.number = cseq(invite.headers).number;
    this.onLateSuccess();
    if (this.isOver || !response.headers.has('recv-info', PACKAGE)) {
      this.hangUp({ status: 488, reason: 'no desk is answered there' });
      return;
    }
    this.timer.set(response.headers.get('session-expires'), true);
    this.onOpen();
  }

  onLateSuccess() {
    if (this.dialog) this.agent.transactions.acknowledge(this.dialog.ack(this.number ?? 1));
  }

  /** @param {Record<string, unknown>} command */
  say(command) {
    if (!this.dialog || this.isOver) return;
    const info = this.dialog.request('INFO', [
      ['Info-Package', PACKAGE], ['Content-Disposition', 'Info-Package'], ['Content-Type', JSON_TYPE],
    ], JSON.stringify(command));
    this.agent.request(info, (response) => this.heard(command, response));
  }

  /** @param {Record<string, unknown>} command @param {Response} response */
  heard(command, response) {
    if (this.isOver || response.status < 300) return;
    if (response.status === 503 && response.headers.get('retry-after')) {
      // It was not seen: the same again, under the same id.
      const seconds = Math.min(Number(response.headers.get('retry-after')) || 1, 10);
      setTimeout(() => this.say(command), seconds * 1_000);
      return;
    }
    this.onUnheard(command, response);
    if (response.status === 481 || response.status === 408) this.end({ status: response.status, reason: response.reason });
  }

  refresh() {
    if (!this.dialog || this.isOver) return;
    const update = this.dialog.request('UPDATE', [
      ['Supported', 'timer'], ['Session-Expires', `${SESSION};refresher=uac`], ['Recv-Info', PACKAGE],
    ]);
    this.agent.request(update, (response) => {
      if (this.isOver || response.status < 200) return;
      if (isSuccess(response)) {
        this.dialog?.retarget(response.headers);
        this.timer.set(response.headers.get('session-expires') ?? `${SESSION};refresher=uac`, true);
      } else if (response.status !== 491 && response.status !== 503) {
        this.hangUp({ status: response.status, reason: response.reason });
      } else {
        this.timer.set('10;refresher=uac', true);
      }
    });
  }

  /** @param {import('./transactions.js').Incoming} incoming */
  onRequest(incoming) {
    const { request } = incoming;
    switch (request.method) {
      case 'INFO':
        this.take(incoming);
        break;
      case 'BYE':
        incoming.respond(200, 'OK');
        this.end({ status: 0, reason: readReason(request.headers.get('reason') ?? '') });
        break;
      case 'UPDATE':
      case 'INVITE': {
        this.dialog?.retarget(request.headers);
        const expires = request.headers.get('session-expires');
        /** @type {[string, string][]} */
        const more = [['Contact', this.agent.contact], ['Allow', ALLOW], ['Recv-Info', PACKAGE], ['Supported', 'timer']];
        if (expires) more.push(['Session-Expires', expires]);
        const hasSdp = request.method === 'INVITE' || request.body !== '';
        if (hasSdp) more.push(['Content-Type', 'application/sdp']);
        incoming.respond(200, 'OK', more, hasSdp ? SDP : '');
        if (expires) this.timer.set(expires, false);
        break;
      }
      case 'OPTIONS':
        incoming.respond(200, 'OK', [['Allow', ALLOW]]);
        break;
      default:
        incoming.respond(405, 'Method Not Allowed', [['Allow', ALLOW]]);
    }
  }

  /** @param {import('./transactions.js').Incoming} incoming */
  take(incoming) {
    const { headers, body } = incoming.request;
    if (bare(headers.get('info-package') ?? '') !== PACKAGE) {
      incoming.respond(469, 'Bad Info Package', [['Recv-Info', PACKAGE]]);
    } else if (bare(headers.get('content-type') ?? '') !== JSON_TYPE) {
      incoming.respond(415, 'Unsupported Media Type', [['Accept', JSON_TYPE]]);
    } else if (body.length > MESSAGE_MAX) {
      incoming.respond(413, 'Request Entity Too Large');
    } else {
      const message = readObject(body);
      incoming.respond(message ? 200 : 400, message ? 'OK' : 'No JSON Object');
      if (message && !this.isOver) this.onMessage(message);
    }
  }

  /** @param {Ending} ending */
  hangUp(ending) {
    if (this.dialog) this.agent.request(this.dialog.request('BYE'), () => {});
    this.end(ending);
  }

  /** It is over, whoever ended it. @param {Ending} ending */
  end(ending) {
    this.timer.stop();
    this.agent.calls.delete(this);
    if (this.isOver) return;
    this.isOver = true;
    this.onOver(ending);
  }
}

/** @param {string} text @returns {Record<string, unknown> | null} */
function readObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** The text of a Reason header (RFC 3326). @param {string} value */
function readReason(value) {
  return /text="((?:[^"\\]|\\.)*)"/.exec(value)?.[1]?.replace(/\\(.)/g, '$1') ?? '';
}
