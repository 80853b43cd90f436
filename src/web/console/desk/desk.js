// The desk: calls the switchboard, says hello, gives commands with ids and waits for their results; calls again when it is lost.
//
//   off ── connection ──▶ calling ── 200, hello ──▶ open ── lost ──▶ waiting, 0.2 to 5 s ──▶ calling
//                                                    └── evicted, logged out ──▶ off
import { DeskCall } from '../sip/desk_call.js';
import { token } from '../sip/chance.js';
import { DeskModel } from './model.js';

const PAUSE = 200;
const PAUSE_MAX = 5_000;
/** A result that has not come by then is not coming; a release waits for sound and picture itself. */
const RESULT_MAX = 10_000;
const WATCHED_MAX = 200;

/**
 * @typedef {{re?: string, ok: boolean, error?: string, text?: string, phase?: string, found?: unknown[], more?: boolean}
 *   & Record<string, unknown>} Result
 * @typedef {{verb: string, request: string, resolve: (result: Result) => void, timer: ReturnType<typeof setTimeout>}} Pending
 */

export class Desk {
  /** @param {import('../sip/agent.js').Agent} agent @param {string} operator @param {() => number} now */
  constructor(agent, operator, now) {
    this.agent = agent;
    this.operator = operator;
    this.now = now;
    this.model = new DeskModel();
    /** @type {DeskCall | null} */
    this.call = null;
    this.isOn = false;
    /** @type {string | undefined} The desk phone, where it is another than the account's. */
    this.phone = undefined;
    this.prefix = token(4);
    this.commands = 0;
    this.seq = 0;
    this.pause = PAUSE;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.redial = undefined;
    /** @type {Map<string, Pending>} */
    this.pending = new Map();
    /** @type {string[]} */
    this.watched = [];
    /** The list that the switchboard has. @type {string | null} */
    this.told = null;
    this.cannotWatch = false;
    /** Something has changed. */
    this.onChange = () => {};
    /** @type {(happening: import('./model.js').Happening) => void} */
    this.onHappening = () => {};
    /** The switchboard refuses, and says why: the desk stays off. @type {(status: number, result: Result | null, reason: string) => void} */
    this.onRefused = () => {};
  }

  /** @param {string | undefined} phone */
  start(phone) {
    this.phone = phone;
    this.isOn = true;
    this.dial();
  }

  /** The connection is there. */
  dial() {
    clearTimeout(this.redial);
    if (!this.isOn || this.call) return;
    const call = new DeskCall(this.agent, this.operator);
    this.call = call;
    call.onOpen = () => this.opened();
    call.onMessage = (message) => this.take(message);
    call.onUnheard = (command, response) => this.unheard(command, response);
    call.onOver = (ending) => this.lost(call, ending);
    call.open();
  }

  opened() {
    this.seq = 0;
    void this.hello();
  }

  async hello() {
    const result = await this.command('hello', this.phone ? { phone: this.phone } : {});
    if (result.ok || !this.isOn) return;
    if (result.error === 'wrong-phase' && this.phone) {
      // In a call the phone stays which it is.
      const again = await this.command('hello', {});
      if (again.ok) return;
    }
    if (result.error === 'refused' || result.error === 'no-such-number') {
      this.stop();
      this.onRefused(0, result, '');
    }
  }

  /** All that the switchboard knows, anew: this page has slept. */
  refresh() {
    if (this.isOn && this.call?.dialog) void this.command('hello', {});
  }

  /** @param {DeskCall} call @param {import('../sip/desk_call.js').Ending} ending */
  lost(call, ending) {
    if (call !== this.call) return;
    this.call = null;
    this.model.lose();
    for (const id of [...this.pending.keys()]) this.settle(id, { ok: false, error: 'no-switchboard' });
    if (this.model.isEvicted) this.isOn = false;
    else if (ending.status === 401 || ending.status === 403) {
      this.isOn = false;
      this.onRefused(ending.status, null, ending.reason);
    }
    if (this.isOn) this.again();
    this.onChange();
  }

  /** It is called once more, after a pause that grows. */
  again() {
    this.isOn = true;
    clearTimeout(this.redial);
    // Without a connection the next one dials.
    this.redial = setTimeout(() => this.dial(), this.pause * (0.8 + 0.4 * Math.random()));
    this.pause = Math.min(this.pause * 2, PAUSE_MAX);
  }

  /** The connection is gone, and the dialog with it. */
  disconnected() {
    clearTimeout(this.redial);
    this.call?.end({ status: 503, reason: 'no connection' });
    clearTimeout(this.redial);
  }

  /** @param {string} verb @param {Record<string, unknown>} fields @returns {Promise<Result>} */
  command(verb, fields) {
    const call = this.call;
    if (!call?.dialog) return Promise.resolve({ ok: false, error: 'no-switchboard' });
    this.commands += 1;
    const id = `${this.prefix}-${this.commands}`;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(id, { ok: false, error: 'no-answer' }), RESULT_MAX);
      this.pending.set(id, { verb, request: String(fields.request ?? ''), resolve, timer });
      call.say({ id, do: verb, ...fields });
      this.onChange();
    });
  }

  /** @param {string} id @param {Result} result */
  settle(id, result) {
    const pending = this.pending.get(id);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.pending.delete(id);
    pending.resolve(result);
    this.onChange();
  }

  /** @param {Record<string, unknown>} command @param {import('../sip/message.js').Response} response */
  unheard(command, response) {
    // These two are our own words for a connection that is gone or silent.
    const isGone = response.status === 503 || response.status === 408;
    const error = isGone ? 'no-switchboard' : 'not-accepted';
    this.settle(String(command.id), { ok: false, error, text: `${response.status} ${response.reason}` });
  }

  /** Whether this is on its way. @param {string} verb @param {string} request */
  isPending(verb, request = '') {
    for (const pending of this.pending.values()) {
      if (pending.verb === verb && (!request || pending.request === request)) return true;
    }
    return false;
  }

  /** @param {Record<string, unknown>} message */
  take(message) {
    if (typeof message.re === 'string') {
      this.settle(message.re, { ...message, ok: message.ok === true });
      return;
    }
    const seq = Number(message.seq);
    if (seq <= this.seq) return;
    // What is missing is in the snapshot.
    if (this.seq > 0 && seq > this.seq + 1) this.refresh();
    if (seq > 0) this.seq = seq;
    for (const happening of this.model.take(message, this.now())) {
      if (happening.kind === 'complete') {
        this.told = null;
        this.watch(this.watched);
      }
      // Only now is it one that works: another that is cut off at once is not called five times a second.
      if (happening.kind === 'welcome') this.pause = PAUSE;
      if (happening.kind === 'evicted') this.isOn = false;
      this.onHappening(happening);
    }
    this.onChange();
  }

  /** Whose states are to be told. @param {string[]} numbers */
  watch(numbers) {
    const wanted = [...new Set(numbers)].slice(0, WATCHED_MAX).sort();
    this.watched = wanted;
    const list = wanted.join();
    if (list === this.told || !this.model.isComplete || this.cannotWatch) return;
    this.told = list;
    this.model.watches(wanted);
    void this.command('watch', { numbers: wanted }).then((result) => {
      this.cannotWatch = result.error === 'unknown-command';
    });
  }

  async logOut() {
    this.isOn = false;
    await this.command('logout', {});
    this.stop();
  }

  stop() {
    this.isOn = false;
    clearTimeout(this.redial);
    this.call?.hangUp({ status: 0, reason: '' });
    this.call = null;
  }
}
