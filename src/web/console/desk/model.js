// What the desk knows: built from events alone, so that it is what the switchboard says. Pure; times are ms since 1970.

/** More waiting calls than this are not shown. */
export const WAITING_MAX = 1_000;
const NIGHTS_MAX = 100;
/** A phone has few ordinary calls at once. */
const DIRECT_MAX = 20;
const TEXT_MAX = 200;

/**
 * @typedef {{number: string, name: string, origin: string}} Person
 * @typedef {{request: string, queue: string, caller: Person, since: number, position: number, priority: number,
 *            isOffered: boolean, hasStills: boolean}} Waiting
 * @typedef {{number: string, progress: string, reason: string}} Callee
 * @typedef {'ok' | 'poor' | 'none' | 'absent' | ''} Quality
 * @typedef {{dialog: boolean, audio: Quality, video: Quality, loss: number | null, jitter: number | null, rtt: number | null,
 *            fps: number | null, codec: string, isConverted: boolean}} PartyHealth
 * @typedef {{isOk: boolean, blocking: string[], parties: Map<string, PartyHealth>}} Health
 * @typedef {{hearsYou: string[], youHear: string[], seesYou: string[], youSee: string[]}} Senses
 * @typedef {Senses & {partner: Person}} Direct An ordinary call of the operator's phone.
 * @typedef {{request: string, phase: string, caller: Person, callee: Callee | null, isRecording: boolean, isSerial: boolean,
 *            health: Health | null, senses: Senses | null, since: number, began: number}} InHand
 * @typedef {{request: string, queue: string, caller: Person, by: string, wanted: string, since: number}} Parked
 * @typedef {{kind: 'news', request: string} | {kind: 'recall', request: string, seconds: number}
 *   | {kind: 'phase', call: InHand} | {kind: 'parked', call: InHand} | {kind: 'ended', call: InHand | null, reason: string}
 *   | {kind: 'callee', call: InHand} | {kind: 'senses', call: InHand} | {kind: 'notice', text: string}
 *   | {kind: 'night', queue: string, isNight: boolean} | {kind: 'state'} | {kind: 'complete'} | {kind: 'welcome'}
 *   | {kind: 'evicted'} | {kind: 'phone', state: string}} Happening
 * @typedef {Record<string, unknown>} Json
 */

export class DeskModel {
  constructor() {
    this.operator = '';
    this.phone = '';
    /** `ok`, `unregistered`, `unreachable`, `refusing`. */
    this.phoneState = '';
    /** `idle`, `busy`, `dnd`; an empty text without a switchboard. */
    this.state = '';
    this.isDnd = false;
    this.server = '';
    this.boot = '';
    /** @type {Waiting[]} By queue and position. */
    this.waiting = [];
    /** @type {Set<string>} */
    this.nights = new Set();
    /** @type {InHand | null} The one at the ear, or on its way there or away. */
    this.call = null;
    /** @type {InHand[]} */
    this.held = [];
    /** @type {InHand[]} What was in hand before the switchboard began to say anew what is: the times go on. */
    this.before = [];
    /** @type {Record<string, number>} Since when calls are in hand, by their requests, as the page before this one knew it. */
    this.begun = {};
    /** @type {Map<string, Direct>} The ordinary calls of the operator's phone in which somebody is heard or seen, or was. */
    this.direct = new Map();
    /** @type {Parked[]} */
    this.parked = [];
    /** @type {Map<string, string>} The states of the numbers that are watched. */
    this.terminals = new Map();
    this.isComplete = false;
    this.isEvicted = false;
  }

  /** The switchboard is gone: what it said no longer holds, but for the call in hand. */
  lose() {
    this.waiting = [];
    this.parked = [];
    this.nights = new Set();
    this.terminals = new Map();
    this.direct = new Map();
    this.isComplete = false;
    this.state = '';
    // The call may go on; who hears and sees whom in it is not known now.
    if (this.call) this.call = { ...this.call, senses: null, health: null };
  }

  /** Since when each call is in hand, for the page after this one. @returns {Record<string, number>} */
  begins() {
    return Object.fromEntries([...this.held, ...(this.call ? [this.call] : [])].map(({ request, began }) => [request, began]));
  }

  /** Whether somebody waits for this operator. */
  get isWanted() {
    return this.call === null && this.waiting.some((waiting) => waiting.isOffered);
  }

  /** The call that commands are for: the one at the ear, else the only one in hand. @returns {InHand | null} */
  get current() {
    return this.call ?? (this.held.length === 1 ? this.held[0] ?? null : null);
  }

  /** Takes an event. @param {Json} event @param {number} now @returns {Happening[]} what has come of it */
  take(event, now) {
    const request = text(event.request);
    switch (event.event) {
      case 'welcome':
        return this.welcome(event);
      case 'state':
        return this.stand(event);
      case 'offer':
      case 'waiting':
        return this.wait(event, event.event === 'offer', now);
      case 'withdrawn':
        this.waiting = this.waiting.filter((waiting) => waiting.request !== request);
        this.parked = this.parked.filter((parked) => parked.request !== request);
        return [];
      case 'call':
        return this.onCall(event, now);
      case 'parked':
        return this.park(event, now);
      case 'recall':
        return [{ kind: 'recall', request, seconds: figure(event.seconds) ?? 0 }];
      case 'callee':
        return this.onCallee(request, event, now);
      case 'health':
        return this.onHealth(request, event);
      case 'senses':
        return this.onSenses(request, event);
      case 'queue':
        return this.onQueue(text(event.queue), event.night === true);
      case 'terminal':
        this.onTerminal(text(event.number), text(event.state));
        return [];
      case 'notice':
        return [{ kind: 'notice', text: text(event.text, 1_000) }];
      case 'snapshot-end':
        this.isComplete = true;
        this.before = [];
        return [{ kind: 'complete' }];
      case 'evicted':
        this.isEvicted = true;
        return [{ kind: 'evicted' }];
      default:
        return [];
    }
  }

  /** @param {string} number @param {string} state */
  onTerminal(number, state) {
    if (this.terminals.has(number) || this.terminals.size < WAITING_MAX) this.terminals.set(number, state);
  }

  /** Whose states are told no more are not known. @param {string[]} numbers those that are watched */
  watches(numbers) {
    for (const number of this.terminals.keys()) if (!numbers.includes(number)) this.terminals.delete(number);
  }

  /** @param {Json} event @returns {Happening[]} */
  welcome(event) {
    this.operator = text(event.operator);
    this.phone = text(event.phone);
    this.server = text(event.server);
    this.boot = text(event.boot);
    // The snapshot follows.
    this.before = [...this.held, ...(this.call ? [this.call] : [])];
    this.held = [];
    this.call = null;
    this.waiting = [];
    this.parked = [];
    this.nights = new Set();
    this.direct = new Map();
    this.isComplete = false;
    return [{ kind: 'welcome' }];
  }

  /** @param {Json} event @returns {Happening[]} */
  stand(event) {
    const phone = text(event.phone);
    const was = this.phoneState;
    this.state = text(event.state);
    this.isDnd = event.dnd === true;
    this.phoneState = phone;
    return phone === was ? [{ kind: 'state' }] : [{ kind: 'state' }, { kind: 'phone', state: phone }];
  }

  /** @param {Json} event @param {boolean} isOffered @param {number} now @returns {Happening[]} */
  wait(event, isOffered, now) {
    const waiting = {
      request: text(event.request), queue: text(event.queue), caller: person(event.caller), since: moment(event.since, now),
      position: figure(event.position) ?? 0, priority: figure(event.priority) ?? 0, isOffered,
      hasStills: event.stills === true,
    };
    const at = this.waiting.findIndex((known) => known.request === waiting.request);
    if (at < 0 && this.waiting.length >= WAITING_MAX) return [];
    const isNews = isOffered && !this.waiting[at]?.isOffered;
    const others = this.waiting.filter((known) => known.request !== waiting.request);
    // It comes sorted nearly always: no sort of a thousand for each of a thousand.
    let place = others.length;
    while (place > 0 && isBefore(waiting, /** @type {Waiting} */ (others[place - 1]))) place -= 1;
    others.splice(place, 0, waiting);
    this.waiting = others;
    return isNews ? [{ kind: 'news', request: waiting.request }] : [];
  }

  /** It is left to the others: it may still be taken, and does not ring until it is offered anew. @param {string} request */
  leave(request) {
    this.waiting = this.waiting.map((waiting) => (waiting.request === request ? { ...waiting, isOffered: false } : waiting));
  }

  /** @param {Json} event @param {number} now @returns {Happening[]} */
  park(event, now) {
    const parked = {
      request: text(event.request), queue: text(event.queue), caller: person(event.caller), by: text(event.by),
      wanted: text(event.number), since: moment(event.since, now),
    };
    this.parked = this.parked.filter((known) => known.request !== parked.request);
    if (this.parked.length < WAITING_MAX) this.parked.push(parked);
    return [];
  }

  /** The call of this request, if it is in hand. @param {string} request @returns {InHand | null} */
  inHand(request) {
    if (this.call?.request === request) return this.call;
    return this.held.find((held) => held.request === request) ?? null;
  }

  /** A call that is in hand from now on, or was so before the connection was lost. @param {string} request @param {number} now @returns {InHand} */
  newCall(request, now) {
    const known = this.before.find((call) => call.request === request);
    this.before = this.before.filter((call) => call !== known);
    return {
      request, phase: known?.phase ?? '', caller: NOBODY, callee: known?.callee ?? null, isRecording: false, isSerial: false,
      health: null, senses: null, since: known?.since ?? now, began: known?.began ?? figure(this.begun[request]) ?? now,
    };
  }

  /** @param {Json} event @param {number} now @returns {Happening[]} */
  onCall(event, now) {
    const request = text(event.request);
    const phase = text(event.phase);
    this.waiting = this.waiting.filter((waiting) => waiting.request !== request);
    // Whoever picks it is not told that it is withdrawn.
    this.parked = this.parked.filter((parked) => parked.request !== request);
    const known = this.inHand(request);
    this.held = this.held.filter((held) => held !== known);
    if (this.call === known) this.call = null;
    if (phase === 'ended') return [{ kind: 'ended', call: known, reason: text(event.reason) }];
    if (phase === 'parked' && known) return [{ kind: 'parked', call: known }];
    if (phase === 'parked' || phase === 'serial') return [];
    const before = known ?? this.newCall(request, now);
    const callee = person(event.callee).number;
    const hasNone = phase === 'with-caller' || phase === 'in-hand';
    /** @type {InHand} */
    const call = {
      ...before, phase, caller: person(event.caller), isRecording: event.recording === true, isSerial: event.serial === true,
      since: before.phase === phase ? before.since : now,
      // What was measured before the switch says nothing of now.
      health: before.phase === phase ? before.health : null,
      callee: callee
        ? { number: callee, progress: before.callee?.number === callee ? before.callee.progress : '', reason: '' }
        : hasNone ? null : before.callee,
    };
    // Whom one has fetched back has answered.
    if (call.callee && ['talking-to-callee', 'alternated', 'connected'].includes(phase)) call.callee.progress = 'answered';
    if (phase === 'in-hand' || phase === 'handing-over') this.held.push(call);
    else this.call = call;
    return before.phase === phase ? [] : [{ kind: 'phase', call }];
  }

  /** @param {string} request @param {Json} event @param {number} now @returns {Happening[]} */
  onCallee(request, event, now) {
    const callee = { number: text(event.number), progress: text(event.progress), reason: text(event.reason) };
    const known = this.inHand(request);
    const call = known ?? (this.call ? null : this.newCall(request, now));
    if (!call) return [];
    const gone = known && known !== this.call && callee.progress === 'hung-up';
    const next = { ...call, callee: gone ? null : callee };
    this.replace(call, next);
    return [{ kind: 'callee', call: next }];
  }

  /** @param {InHand} call @param {InHand} next */
  replace(call, next) {
    const at = this.held.indexOf(call);
    if (at >= 0) this.held[at] = next;
    else this.call = next;
  }

  /** @param {string} request @param {Json} event @returns {Happening[]} */
  onHealth(request, event) {
    const call = this.inHand(request);
    if (call) this.replace(call, { ...call, health: readHealth(event) });
    return [];
  }

  /** Whether a picture of the operator goes to anybody. */
  get isSeen() {
    const all = [this.call?.senses, ...this.direct.values()];
    return all.some((senses) => (senses?.seesYou.length ?? 0) > 0);
  }

  /** Of an ordinary call; without a partner the two talk no more. @param {string} call @param {Json} event */
  onDirect(call, event) {
    this.direct = new Map(this.direct);
    if (!event.partner) this.direct.delete(call);
    else if (this.direct.has(call) || this.direct.size < DIRECT_MAX) this.direct.set(call, { partner: person(event.partner), ...readSenses(event) });
  }

  /** @param {string} request @param {Json} event @returns {Happening[]} */
  onSenses(request, event) {
    const direct = text(event.direct);
    if (direct) {
      this.onDirect(direct, event);
      return [];
    }
    // An event without a request is of the call at the ear.
    const call = request ? this.inHand(request) : this.call;
    if (!call) return [];
    const next = { ...call, senses: readSenses(event) };
    this.replace(call, next);
    return [{ kind: 'senses', call: next }];
  }

  /** @param {string} queue @param {boolean} isNight @returns {Happening[]} */
  onQueue(queue, isNight) {
    if (this.nights.has(queue) === isNight) return [];
    if (isNight && this.nights.size >= NIGHTS_MAX) return [];
    this.nights = new Set(this.nights);
    if (isNight) this.nights.add(queue);
    else this.nights.delete(queue);
    return [{ kind: 'night', queue, isNight }];
  }
}

/** @param {Json} event @returns {Senses} */
function readSenses(event) {
  return {
    hearsYou: words(event.hears_you), youHear: words(event.you_hear), seesYou: words(event.sees_you), youSee: words(event.you_see),
  };
}

/** The fields of a health report, of an event or an `unhealthy` result. @param {Json} report @returns {Health} */
function readHealth(report) {
  const parties = new Map();
  for (const name of ['caller', 'callee', 'operator']) {
    const value = report[name];
    if (typeof value === 'object' && value !== null) parties.set(name, partyHealth(/** @type {Json} */ (value)));
  }
  return { isOk: report.ok === true, blocking: words(report.blocking), parties };
}

/** @param {Json} value @returns {PartyHealth} */
function partyHealth(value) {
  const quality = (/** @type {unknown} */ word) =>
    /** @type {Quality} */ (['ok', 'poor', 'none', 'absent'].includes(String(word)) ? word : '');
  return {
    dialog: value.dialog === 'ok', audio: quality(value.audio), video: quality(value.video),
    loss: figure(value.loss_percent), jitter: figure(value.jitter_ms), rtt: figure(value.rtt_ms), fps: figure(value.fps),
    codec: text(value.codec), isConverted: value.transcoding === true || words(value.transcoding).length > 0,
  };
}

/** @type {Person} */
const NOBODY = { number: '', name: '', origin: '' };

/** @param {Waiting} a @param {Waiting} b */
function isBefore(a, b) {
  if (a.queue !== b.queue) return a.queue < b.queue;
  return a.position < b.position;
}

/** @param {unknown} value @returns {Person} */
export function person(value) {
  if (typeof value === 'string') return { ...NOBODY, number: text(value) };
  if (typeof value !== 'object' || value === null) return NOBODY;
  const { number, name, origin } = /** @type {Json} */ (value);
  return { number: text(number), name: text(name), origin: text(origin) };
}

/** A text that paints nothing but itself: no control signs, none that turn the direction. @param {unknown} value @param {number} max */
export function text(value, max = TEXT_MAX) {
  if (typeof value !== 'string') return '';
  return value.slice(0, max).replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** @param {unknown} value @returns {number | null} */
function figure(value) {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value @returns {string[]} */
function words(value) {
  return Array.isArray(value) ? value.slice(0, 20).map((word) => text(word)).filter((word) => word !== '') : [];
}

/** @param {unknown} value @param {number} otherwise */
function moment(value, otherwise) {
  const found = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(found) ? found : otherwise;
}
