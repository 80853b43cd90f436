// A call to the phone of this page: answered at once where the switchboard asks for it, else when somebody picks up.
//
//   come ── answer ──▶ answered ── ACK ──▶ up ── BYE ──▶ over         offers in it: one after the other, 491 where both begin
//     └── CANCEL, refused ──▶ over
import { Dialog, SessionTimer } from './dialog.js';
import { bare, cseq } from './message.js';
import { readAddress, userOf } from './address.js';
import { ALLOW } from './agent.js';
import { isSuccess } from './transactions.js';

/** An answer that nobody acknowledges for so long ends the call, in ms (RFC 3261 §13.3.1.4). */
const ACK_MAX = 32_000;

/**
 * @typedef {import('./message.js').Request} Request
 * @typedef {import('./transactions.js').Incoming} Incoming
 * @typedef {{answer: (offer: string) => Promise<string>, offer: (restart: boolean) => Promise<string>,
 *            accept: (answer: string) => Promise<void>, rollback: () => Promise<void>, close: () => void}} Media
 */

export class PhoneCall {
  /** @param {import('./agent.js').Agent} agent @param {Incoming} incoming @param {Media} media */
  constructor(agent, incoming, media) {
    const { headers } = incoming.request;
    this.agent = agent;
    this.invite = incoming;
    this.media = media;
    this.dialog = Dialog.ofRequest(incoming.request, incoming.tag, agent.contact);
    this.isOver = false;
    this.isUp = false;
    /** An offer of ours is on its way. */
    this.isOffering = false;
    /** Their INVITE is being answered, or its answer is not acknowledged. */
    this.isAnswering = true;
    /** Their INVITE that is being answered, or was so last. */
    this.current = incoming;
    /** Whether their ACK, or their whole INVITE, went with a connection: are they still there? */
    this.isUnsure = false;
    /** A restart that has to wait. */
    this.wantsRestart = false;
    const from = readAddress(headers.get('from') ?? '');
    this.caller = { number: userOf(from.uri), name: from.name };
    this.isAutomatic = headers.all('answer-mode').some((mode) => bare(mode) === 'auto')
      || headers.all('call-info').some((info) => /;\s*answer-after=0\b/i.test(info));
    this.timer = new SessionTimer();
    this.timer.onRefresh = () => this.refresh();
    this.timer.onOver = () => this.hangUp();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    this.onUp = () => {};
    this.onOver = () => {};
    incoming.onCancel = () => this.end();
    agent.calls.add(this);
    // Whoever rings is told; what is answered at once need not be.
    if (!this.isAutomatic) incoming.respond(180, 'Ringing', [['Contact', agent.contact], ['Allow', ALLOW]]);
  }

  async answer() {
    await this.respond(this.invite, () => this.refuse(488, 'Not Acceptable Here'));
  }

  /** Answers an INVITE, the first or a later one. @param {Incoming} incoming @param {() => void} onFailure */
  async respond(incoming, onFailure) {
    const { request } = incoming;
    this.isAnswering = true;
    this.current = incoming;
    this.isOffered = request.body !== '';
    try {
      const sdp = this.isOffered ? await this.media.answer(request.body) : await this.media.offer(false);
      // Cancelled meanwhile, or its connection is gone.
      const isCurrent = this.isAnswering && this.current === incoming;
      if (incoming.isDone || this.isOver || !isCurrent) {
        if (this.current === incoming) this.isAnswering = false;
        if (!this.isOffered && !this.isOver) await this.media.rollback();
        return;
      }
      const [more, expires] = this.sessionOf(request);
      this.answered = cseq(request.headers).number;
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.hangUp(), ACK_MAX);
      incoming.respond(200, 'OK', [
        ['Contact', this.agent.contact], ['Allow', ALLOW], ...more, ['Content-Type', 'application/sdp'],
      ], sdp);
      this.timer.set(expires, false);
    } catch (error) {
      console.warn('an offer that cannot be answered:', error);
      this.isAnswering = false;
      onFailure();
    }
  }

  /** What a 2xx says of the session timer. @param {Request} request @returns {[[string, string][], string | undefined]} */
  sessionOf({ headers }) {
    const asked = headers.get('session-expires');
    if (!asked || !headers.has('supported', 'timer')) return [[['Supported', 'timer, outbound']], undefined];
    const expires = /refresher/i.test(asked) ? asked : `${asked};refresher=uac`;
    const isTheirs = /refresher\s*=\s*uac/i.test(expires);
    return [[
      ['Supported', 'timer, outbound'], ['Session-Expires', expires],
      ...(isTheirs ? /** @type {[string, string][]} */ ([['Require', 'timer']]) : []),
    ], expires];
  }

  /** @param {Request} request */
  async onAck(request) {
    if (cseq(request.headers).number !== this.answered || !this.isAnswering) return;
    clearTimeout(this.waiting);
    try {
      if (!this.isOffered) await this.media.accept(request.body);
    } catch (error) {
      console.warn('an answer that cannot be used:', error);
      this.hangUp();
      return;
    }
    this.isAnswering = false;
    if (!this.isUp) {
      this.isUp = true;
      this.onUp();
    }
    if (this.wantsRestart) void this.restart();
  }

  /** @param {Incoming} incoming */
  onRequest(incoming) {
    const { request } = incoming;
    switch (request.method) {
      case 'BYE':
        incoming.respond(200, 'OK');
        this.end();
        break;
      case 'INVITE':
        this.reinvited(incoming);
        break;
      case 'UPDATE':
        void this.updated(incoming);
        break;
      case 'INFO':
        // Pictures are asked for by RTCP; keys are for the switchboard.
        if (request.headers.get('info-package')) incoming.respond(469, 'Bad Info Package', [['Recv-Info', '']]);
        else incoming.respond(200, 'OK');
        break;
      case 'OPTIONS':
        incoming.respond(200, 'OK', [['Allow', ALLOW]]);
        break;
      default:
        incoming.respond(405, 'Method Not Allowed', [['Allow', ALLOW]]);
    }
  }

  /** @param {Incoming} incoming */
  reinvited(incoming) {
    if (this.isOffering) {
      incoming.respond(491, 'Request Pending');
    } else if (this.isAnswering) {
      // RFC 3261 §14.2: the one before is not done.
      incoming.respond(500, 'Server Internal Error', [['Retry-After', '1']]);
    } else {
      this.dialog.retarget(incoming.request.headers);
      void this.respond(incoming, () => incoming.respond(488, 'Not Acceptable Here'));
    }
  }

  /** @param {Incoming} incoming */
  async updated(incoming) {
    const { request } = incoming;
    this.dialog.retarget(request.headers);
    const [more, expires] = this.sessionOf(request);
    if (request.body === '') {
      incoming.respond(200, 'OK', [['Contact', this.agent.contact], ...more]);
      this.timer.set(expires, false);
      return;
    }
    if (this.isOffering || this.isAnswering) {
      incoming.respond(491, 'Request Pending');
      return;
    }
    try {
      const sdp = await this.media.answer(request.body);
      incoming.respond(200, 'OK', [['Contact', this.agent.contact], ...more, ['Content-Type', 'application/sdp']], sdp);
      this.timer.set(expires, false);
    } catch (error) {
      console.warn('an offer that cannot be answered:', error);
      incoming.respond(488, 'Not Acceptable Here');
    }
  }

  /** New ways for the media: the network is another one (RFC 8839 §4.4.1.1.1). */
  async restart() {
    if (this.isOver) return;
    if (this.isOffering || this.isAnswering || !this.isUp) {
      this.wantsRestart = true;
      return;
    }
    this.wantsRestart = false;
    this.isOffering = true;
    try {
      await this.offer(await this.media.offer(true));
    } catch (error) {
      console.warn('no offer can be made:', error);
      this.isOffering = false;
    }
  }

  /** @param {string} sdp */
  offer(sdp) {
    const invite = this.dialog.request('INVITE', [
      ['Allow', ALLOW], ['Supported', 'timer, outbound'], ['Content-Type', 'application/sdp'],
    ], sdp);
    const { number } = cseq(invite.headers);
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      this.agent.request(invite, (response) => {
        if (response.status < 200) return;
        resolve();
        void this.offered(number, response);
      });
    }));
  }

  /** @param {number} number of our INVITE @param {import('./message.js').Response} response */
  async offered(number, response) {
    if (isSuccess(response)) {
      this.dialog.retarget(response.headers);
      this.acknowledged = number;
      this.agent.transactions.acknowledge(this.dialog.ack(number));
      await this.media.accept(response.body).catch((error) => console.warn('an answer that cannot be used:', error));
      this.isOffering = false;
      this.timer.set(response.headers.get('session-expires'), true);
      return;
    }
    await this.media.rollback().catch(() => {});
    this.isOffering = false;
    if (this.isOver) return;
    if (response.status === 481 || response.status === 408) this.end();
    // §14.1: who has not made the Call-ID waits for 0 to 2 s.
    else if (response.status === 491) setTimeout(() => void this.restart(), Math.random() * 2_000);
    else if (response.status === 503) this.wantsRestart = true;
  }

  onLateSuccess() {
    if (this.acknowledged) this.agent.transactions.acknowledge(this.dialog.ack(this.acknowledged));
  }

  /** The connection is gone, and with it the ACK that is waited for: that is no reason to hang up. */
  cut() {
    if (!this.isAnswering || !this.invite.isDone) return;
    clearTimeout(this.waiting);
    this.isAnswering = false;
    this.isUnsure = true;
    if (this.isUp) return;
    this.isUp = true;
    this.onUp();
  }

  /** The connection is back: what could not be sent is. */
  resume() {
    if (this.isUnsure) this.refresh();
    this.isUnsure = false;
    if (this.wantsRestart) void this.restart();
  }

  refresh() {
    if (this.isOver) return;
    const seconds = 1_800;
    const update = this.dialog.request('UPDATE', [['Supported', 'timer'], ['Session-Expires', `${seconds};refresher=uac`]]);
    this.agent.request(update, (response) => {
      if (response.status < 200 || this.isOver) return;
      if (response.status === 481 || response.status === 408) this.end();
      else this.timer.set(response.headers.get('session-expires') ?? '60;refresher=uac', true);
    });
  }

  /** A key as INFO, where the media cannot carry it. @param {string} key */
  sendKey(key) {
    if (!this.isUp) return;
    const info = this.dialog.request('INFO', [['Content-Type', 'application/dtmf-relay']], `Signal=${key}\r\nDuration=160\r\n`);
    this.agent.request(info, () => {});
  }

  /** @param {number} status @param {string} reason */
  refuse(status, reason) {
    this.invite.respond(status, reason);
    this.end();
  }

  hangUp() {
    if (this.isOver) return;
    if (!this.invite.isDone) {
      this.refuse(603, 'Decline');
      return;
    }
    this.agent.request(this.dialog.request('BYE'), () => {});
    this.end();
  }

  /** It is over, whoever ended it. */
  end() {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.stop();
    clearTimeout(this.waiting);
    this.agent.calls.delete(this);
    this.media.close();
    this.onOver();
  }
}
