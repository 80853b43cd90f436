// What the page is: who is logged in, the connection, the desk, the phone, and what was said last.
//
//   loading ─▶ login ─▶ prepare ── start work ──▶ work ─▶ evicted
//                 ▲                                 │         │
//                 └───────────── log out ───────────┴─────────┘         F5 at work comes back to work
import { effect, signal, untracked } from './vendor/preact.js';
import { Agent } from './sip/agent.js';
import { Transport } from './sip/transport.js';
import { uuid } from './sip/chance.js';
import { Desk } from './desk/desk.js';
import { signOf } from './desk/keys.js';
import { DeskModel } from './desk/model.js';
import { Devices } from './phone/devices.js';
import { Meter } from './phone/meter.js';
import { Phone } from './phone/phone.js';
import { Ring } from './sound/ring.js';
import { Refusal, api, clock } from './api.js';
import { recall, recallTab, remember, rememberTab } from './store.js';
import { has, t, when } from './words/words.js';
import { Notices } from './notices.js';
import { People } from './people.js';
import { inOurWords, progressWord, situation, who } from './sentences.js';

/** A page that has not run for so long has slept, in ms. */
const SLEPT = 20_000;
/** A snapshot that takes longer is shown as it comes, in ms. */
const SNAPSHOT_MAX = 1_500;
const TICK = 1_000;
/** Without a frame the page follows the desk after this time, in ms. */
const FRAME_MAX = 100;
/** Browsers let a hidden page run once a minute: after more than that something may have been missed, in ms. */
const MISSED = 90_000;
/** After so long the switchboard gives a lost desk's place to another, in ms. */
const LEASE = 30_000;
/** Before the end of a session it is told, in ms. */
const SESSION_SOON = 15 * 60_000;
/** A logout is tried so often. */
const LOGOUT_TRIES = 4;

/**
 * @typedef {'loading' | 'login' | 'prepare' | 'work' | 'evicted'} Stage
 * @typedef {{phone: 'browser' | 'desk', number: string}} Work
 * @typedef {{text: string, isTrouble: boolean, at: number}} Said
 */

export class App {
  constructor() {
    this.stage = signal(/** @type {Stage} */ ('loading'));
    this.session = signal(/** @type {import('./api.js').Session | null} */ (null));
    /** Nobody answers yet. */
    this.isAwaited = signal(false);
    this.loginTrouble = signal('');
    /** The session ends soon, or is over while a call goes on. */
    this.sessionEnd = signal(/** @type {'' | 'soon' | 'over'} */ (''));
    /** Whether the password is asked for over the page. */
    this.isLoginWanted = signal(false);
    this.prepareTrouble = signal('');
    this.said = signal(/** @type {Said} */ ({ text: '', isTrouble: false, at: 0 }));
    this.question = signal(/** @type {{text: string, yes: () => void} | null} */ (null));
    this.isUp = signal(false);
    this.card = signal(/** @type {'' | 'help' | 'settings' | 'keypad'} */ (''));
    this.keys = signal(/** @type {import('./desk/keys.js').KeySet} */ (recall('keys', 'letters')));
    this.isSoundLocked = signal(false);
    this.now = signal(Date.now());
    /** Rises when the desk has changed, once for each frame. */
    this.version = signal(0);
    /** The timer of a change that is not drawn yet; 0 where all are. */
    this.drawing = /** @type {ReturnType<typeof setTimeout> | 0} */ (0);
    this.frame = 0;
    /** Until when a release waits. */
    this.leavingUntil = signal(0);
    /** What the search is for. */
    this.search = signal(/** @type {'' | 'consult' | 'transfer' | 'park'} */ (''));
    this.work = signal(/** @type {Work} */ (recall('work', { phone: 'browser', number: '' })));
    this.devices = new Devices();
    this.meter = new Meter();
    this.ring = new Ring();
    this.people = new People(this);
    this.empty = new DeskModel();
    /** @type {Desk | null} */
    this.desk = null;
    /** @type {import('./vendor/preact.js').Signal<Phone | null>} */
    this.phone = signal(null);
    /** @type {Transport | null} */
    this.transport = null;
    this.heldBackSince = 0;
    /** This tab, among those of its browser. */
    this.tab = uuid();
    /** Whether another desk may have come while this one was away. */
    this.mayBeReplaced = false;
    this.notices = new Notices();
    /** The offer that was notified. */
    this.noticed = '';
    /** @type {import('./sip/phone_call.js').PhoneCall | null} */
    this.rungBy = null;
    this.watchClock();
    this.ring.use(this.devices.chosen.value.ringer);
    this.devices.onChange = () => void this.devicesChanged();
    effect(() => {
      const stream = this.devices.stream.value;
      if (this.ring.context) this.meter.watch(this.ring.context, stream);
    });
    effect(() => {
      const call = this.phone.value?.ringing.value ?? null;
      this.alarm();
      untracked(() => this.rung(call));
    });
  }

  /** The desk as it is now; whoever asks is drawn anew when it changes. */
  get model() {
    void this.version.value;
    return this.desk?.model ?? this.empty;
  }

  /** The server's time, in ms since 1970. */
  serverNow() {
    return this.now.value + clock.ahead;
  }

  get callsMax() {
    return this.session.value?.max_calls ?? 1;
  }

  /** @param {string} text @param {boolean} isTrouble */
  say(text, isTrouble = false) {
    if (text) this.said.value = { text, isTrouble, at: Date.now() };
  }

  async begin() {
    const token = /^#token=([0-9a-f]{16,64})$/.exec(location.hash)?.[1];
    // It holds once, and is nothing for the history.
    if (token) history.replaceState(null, '', location.pathname);
    try {
      this.session.value = token ? await api.logInBy(token) : await this.ownSession();
      if (recallTab('working', false)) await this.startWork();
      else this.prepare();
    } catch (error) {
      this.stage.value = 'login';
      if (error instanceof Refusal && error.word !== 'no-session') this.loginTrouble.value = loginTrouble(error);
    }
  }

  /** A switchboard that is being restarted is waited for: who is logged in need not be so again. */
  async ownSession() {
    for (;;) {
      try {
        return await api.session();
      } catch (error) {
        if (!(error instanceof Refusal) || ![0, 502, 503, 504].includes(error.status)) throw error;
      }
      this.isAwaited.value = true;
      await pause(1_000 + 1_000 * Math.random());
    }
  }

  prepare() {
    this.devices.turn(false, false);
    this.stage.value = 'prepare';
  }

  /** At work, since the session ends or is over: the desk and a call stay. @param {string} secret */
  async logInAgain(secret) {
    const before = this.session.value;
    if (!before) return;
    this.loginTrouble.value = '';
    try {
      this.session.value = await api.logIn(before.operator, secret);
      this.sessionEnd.value = '';
      this.isLoginWanted.value = false;
      this.transport?.look();
    } catch (error) {
      this.loginTrouble.value = loginTrouble(error);
    }
  }

  /** @param {string} operator @param {string} secret */
  async logIn(operator, secret) {
    this.loginTrouble.value = '';
    try {
      this.session.value = await api.logIn(operator, secret);
      this.prepare();
    } catch (error) {
      this.loginTrouble.value = loginTrouble(error);
    }
  }

  /** From a gesture, or after F5. */
  async startWork() {
    const session = this.session.value;
    if (!session) return;
    const { phone, number } = this.work.value;
    const own = session.phones.includes(number) ? number : session.phone;
    this.prepareTrouble.value = '';
    this.ring.unlock();
    if (phone === 'desk') {
      this.devices.close();
    } else if (!this.devices.stream.value) {
      const opening = this.devices.open();
      // Whoever is back at work after F5 is waited for: the microphone comes meanwhile.
      if (!recallTab('working', false) && !(await opening)) return;
    }
    remember('work', { phone, number: own });
    rememberTab('working', true);
    this.connect(session, phone === 'browser' ? own : null, own);
    this.stage.value = 'work';
    void this.people.load();
  }

  /** @param {import('./api.js').Session} session @param {string | null} registers the number of this page's phone @param {string} number */
  connect(session, registers, number) {
    const scheme = location.protocol === 'http:' ? 'ws:' : 'wss:';
    // Without a session it is not to be a stranger's connection, but refused: then the page shows its login.
    const transport = new Transport(`${scheme}//${location.host}/sip?session`);
    const agent = new Agent(transport, { domain: session.domain, instance: this.instance() });
    const desk = new Desk(agent, session.operator, () => Date.now() + clock.ahead);
    const phone = registers === null ? null : new Phone(agent, registers, this.devices);
    this.mayBeReplaced = false;
    this.transport = transport;
    this.desk = desk;
    this.phone.value = phone;
    desk.onChange = () => this.changed();
    desk.onHappening = (happening) => this.happened(happening);
    desk.onRefused = (status, result, reason) => void this.refused(status, result, reason);
    agent.onUp = () => {
      if (this.isUp.peek() === false && this.wasUp) this.say(t('back'));
      this.wasUp = true;
      this.isUp.value = true;
      phone?.up();
      this.mayBeReplaced ||= transport.silence > LEASE;
      void this.comeBack(transport);
    };
    agent.onDown = () => {
      this.isUp.value = false;
      phone?.down();
      desk.disconnected();
      if (desk.isOn) this.say(t('reconnecting'), true);
    };
    transport.onFailure = () => void this.missed();
    desk.model.begun = recallTab('begun', {});
    desk.phone = number;
    desk.isOn = true;
    transport.open();
    this.changed();
  }

  /** The connection is there: the desk calls, unless another has taken its place meanwhile. @param {Transport} transport */
  async comeBack(transport) {
    if (this.mayBeReplaced && await this.isReplaced(transport)) {
      this.evicted();
      return;
    }
    if (transport !== this.transport || !transport.isUp) return;
    this.mayBeReplaced = false;
    this.phone.peek()?.register();
    if (this.desk?.isOn) this.desk.dial();
  }

  /** Whether another desk of this operator is up, or another tab was so last. @param {Transport} transport */
  async isReplaced(transport) {
    while (transport === this.transport && transport.isUp) {
      try {
        const { desk } = await api.session();
        // A browser that remembers nothing knows of no other tab.
        const last = recall('tab', this.tab);
        return transport === this.transport && (desk === 'up' || last !== this.tab);
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) this.lapsed();
      }
      await pause(1_000);
    }
    return false;
  }

  /** The same in all tabs of this browser, so that a new one takes the old one's place. */
  instance() {
    const known = recall('instance', '');
    if (known) return known;
    const made = uuid();
    remember('instance', made);
    return made;
  }

  /** No connection came about: is the session still one? */
  async missed() {
    try {
      await api.session();
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.lapsed();
    }
  }

  /** The session is over. A call that goes on is not cut by that: sound and picture need no session. */
  lapsed() {
    if (this.stage.value !== 'work') return;
    if (!this.isInCall) {
      this.leave('sessionOver');
    } else if (this.sessionEnd.value !== 'over') {
      this.sessionEnd.value = 'over';
      this.isLoginWanted.value = true;
    }
  }

  get isInCall() {
    return (this.phone.peek()?.calls.peek().length ?? 0) > 0 || (this.desk?.model.current ?? null) !== null;
  }

  /** A call of this page's phone that no desk has to do with: with calls in hand the phone is the desk's, at the ear or not. */
  get ownCall() {
    const { call, held } = this.model;
    return call || held.length > 0 ? undefined : this.phone.peek()?.current?.call;
  }

  /** @param {number} status @param {import('./desk/desk.js').Result | null} result @param {string} reason */
  async refused(status, result, reason) {
    if (status) {
      await this.missed();
      if (this.stage.value !== 'work') return;
      if (this.isInCall) this.desk?.again();
      else if (status === 403) this.refuseWork(t('deskRefused', { why: inOurWords(reason) }));
      else this.leave('sessionOver');
      return;
    }
    this.refuseWork(t('hello-refused', { why: result ? this.refusal(result) : '' }));
  }

  /** Back to before work. @param {string} trouble */
  refuseWork(trouble) {
    this.disconnect(false);
    rememberTab('working', null);
    this.prepareTrouble.value = trouble;
    this.prepare();
  }

  changed() {
    const model = this.desk?.model;
    // While the switchboard says anew what is, the old picture stands.
    if (model && this.desk?.call && !model.isComplete && model.operator) {
      this.heldBackSince ||= Date.now();
      if (Date.now() - this.heldBackSince < SNAPSHOT_MAX) return;
    }
    this.heldBackSince = 0;
    this.people.follow(this.desk?.model ?? this.empty);
    this.draw();
    const stands = model?.isWanted && model.waiting.some(({ request, isOffered }) => isOffered && request === this.noticed);
    if (!stands) this.notices.close('offer');
    this.alarm();
  }

  /** A microphone or camera was unplugged, or is there again: what there is now is used, in a call, too. */
  async devicesChanged() {
    const phone = this.phone.peek();
    if (!phone) {
      if (this.stage.peek() === 'prepare') await this.devices.open();
      return;
    }
    const isUsed = await phone.reopen();
    const trouble = this.devices.trouble.peek();
    if (trouble) this.say(t(trouble), true);
    else if (isUsed) this.say(t('otherDevices'));
  }

  /** The desk as it is, with the next frame: one who leaves a long queue is told of by an event for each behind. */
  draw() {
    const drawn = () => {
      cancelAnimationFrame(this.frame);
      clearTimeout(this.drawing);
      this.drawing = 0;
      this.version.value += 1;
    };
    // A hidden page has no frames, and what it plays depends on the desk, too.
    if (document.visibilityState !== 'visible') return drawn();
    if (this.drawing) return;
    this.frame = requestAnimationFrame(drawn);
    this.drawing = setTimeout(drawn, FRAME_MAX);
  }

  /** A call to this page's own phone rings, or does so no more. @param {import('./sip/phone_call.js').PhoneCall | null} call */
  rung(call) {
    if (call === this.rungBy) return;
    this.rungBy = call;
    this.notices.close('call');
    if (!call) return;
    const text = t('callsYou', { who: call.caller.name || this.people.named(call.caller.number) || t('anonymous') });
    this.say(text);
    this.notices.show('call', text, '');
  }

  /** The ring and the title, as things stand. */
  alarm() {
    const model = this.desk?.model ?? this.empty;
    if (this.stage.value !== 'work') {
      this.ring.set(false);
      document.title = t('title');
      return;
    }
    this.ring.set(model.isWanted || this.phone.peek()?.ringing.peek() != null);
    const offered = model.waiting.filter(({ isOffered }) => isOffered).length;
    const name = model.operator || this.session.peek()?.operator || t('title');
    const first = model.waiting.find(({ isOffered }) => isOffered);
    document.title = offered && first
      ? `${model.isWanted ? '(!) ' : ''}${t('waitingCount', { n: offered })} · ${who(first.caller, this)} · ${name}`
      : `${name} · ${t(stateWord(model))}`;
  }

  /** @param {import('./desk/model.js').Happening} happening */
  happened(happening) {
    const { desk } = this;
    if (!desk) return;
    switch (happening.kind) {
      case 'news':
        if (desk.model.isComplete) this.offered(happening.request);
        break;
      case 'recall': {
        const found = desk.model.inHand(happening.request) ?? desk.model.parked.find(({ request }) => request === happening.request);
        this.ring.recall();
        this.say(t('recalled', { who: found ? who(found.caller, this) : '', n: happening.seconds }));
        break;
      }
      case 'phase':
        // After F5 the call has gone on for as long as it has.
        rememberTab('begun', desk.model.begins());
        this.leavingUntil.value = 0;
        this.say(situation(happening.call, this));
        break;
      case 'callee':
        this.say(`${this.people.named(happening.call.callee?.number ?? '')} ${progressWord(happening.call.callee)}`);
        break;
      case 'parked':
        this.say(t('nowParked', { who: who(happening.call.caller, this) }));
        break;
      case 'ended':
        this.leavingUntil.value = 0;
        this.say(ending(happening, this));
        break;
      case 'notice':
        this.say(inOurWords(happening.text));
        break;
      case 'night':
        if (desk.model.isComplete) this.say(t(happening.isNight ? 'isNight' : 'isDay', { queue: happening.queue }));
        break;
      case 'phone':
        if (happening.state !== 'ok' && has(`phone-${happening.state}`)) this.say(t('phoneGone', { state: t(`phone-${happening.state}`) }), true);
        break;
      case 'evicted':
        this.evicted();
        break;
      case 'welcome': {
        remember('tab', this.tab);
        // Another operator sat at this phone until now.
        const phone = this.phone.peek();
        if (phone?.registered.peek() === 'refused') phone.register();
        break;
      }
      case 'senses':
      case 'state':
      case 'complete':
        break;
    }
  }

  /** @param {string} request */
  offered(request) {
    const waiting = this.desk?.model.waiting.find((known) => known.request === request);
    if (!waiting || !this.desk?.model.isWanted) return;
    const text = t('offerOf', { who: who(waiting.caller, this) });
    this.say(text);
    this.noticed = request;
    this.notices.show('offer', text, waiting.queue);
  }

  /** Another desk of this operator took over: this one does not come back by itself. */
  evicted() {
    rememberTab('working', null);
    this.disconnect(false);
    this.stage.value = 'evicted';
  }

  /** @param {boolean} isLoggedOut whether calls and registration of this page end, too */
  disconnect(isLoggedOut) {
    this.ring.set(false);
    this.notices.close('offer');
    this.transport?.close();
    if (this.desk) this.desk.isOn = false;
    void this.phone.value?.close(false);
    this.transport = null;
    if (isLoggedOut) this.desk = null;
    this.phone.value = null;
    this.isUp.value = false;
    this.wasUp = false;
    this.devices.close();
    this.meter.stop();
    this.version.value += 1;
  }

  /** The session is over. @param {string} word */
  leave(word) {
    rememberTab('working', null);
    this.disconnect(true);
    this.devices.turn(false, false);
    this.session.value = null;
    this.sessionEnd.value = '';
    this.isLoginWanted.value = false;
    this.loginTrouble.value = word ? t(word) : '';
    this.stage.value = 'login';
    this.alarm();
  }

  async logOut() {
    await Promise.race([
      (async () => {
        await this.desk?.logOut();
        await this.phone.value?.close(true);
      })(),
      new Promise((resolve) => setTimeout(resolve, 2_000)),
    ]);
    // Nothing comes by it any more, and that it is closed is no news.
    this.transport?.close();
    this.leave(await this.endSession() ? '' : 'logOutFailed');
  }

  /** @returns {Promise<boolean>} whether the session is over */
  async endSession() {
    for (let tries = 1; ; tries += 1) {
      try {
        await api.logOut();
        return true;
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return true;
      }
      if (tries === LOGOUT_TRIES) return false;
      this.say(t('loggingOut'), true);
      await pause(tries * 500);
    }
  }

  /** A refusal, in words. @param {import('./desk/desk.js').Result} result */
  refusal(result) {
    const name = `e-${result.error ?? ''}`;
    // Without such a key it is the button of this name.
    const key = signOf('force', this.keys.value) || t('force');
    const text = inOurWords(result.text ?? '');
    return has(name) ? t(name, { text, key }) : text || String(result.error);
  }

  /** The clock; and a machine that slept is noticed by it. */
  watchClock() {
    let last = Date.now();
    setInterval(() => {
      const now = Date.now();
      if (now - last > SLEPT) this.transport?.look();
      if (now - last > MISSED) this.desk?.refresh();
      last = now;
      this.now.value = now;
      this.watchSession();
      this.isSoundLocked.value = this.stage.peek() === 'work' && this.ring.isLocked;
      if (this.heldBackSince) this.changed();
    }, TICK);
    this.listen();
  }

  /** That the session ends is told while there is time for another. */
  watchSession() {
    const end = Date.parse(this.session.peek()?.expires ?? '');
    if (this.stage.peek() !== 'work' || this.sessionEnd.peek() || !(end - this.serverNow() < SESSION_SOON)) return;
    this.sessionEnd.value = 'soon';
    this.say(this.sessionText(), true);
  }

  sessionText() {
    if (this.sessionEnd.value === 'over') return t('sessionOver');
    const { expires = '' } = this.session.value ?? {};
    const isPast = Date.parse(expires) <= this.serverNow();
    return isPast ? t('sessionAfterCall') : t('sessionSoon', { time: when(expires, this.now.value) });
  }

  listen() {
    const wake = () => {
      if (this.ring.context && this.ring.isLocked) this.ring.unlock();
    };
    addEventListener('pointerdown', wake);
    addEventListener('keydown', wake);
    const connection = /** @type {any} */ (navigator).connection;
    // Wi-Fi instead of the cable: is the connection still there? The media notices by itself.
    connection?.addEventListener?.('change', () => this.transport?.look());
  }
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @param {DeskModel} model */
export function stateWord(model) {
  if (!model.state) return 'noSwitchboard';
  return model.state === 'idle' ? 'free' : model.state;
}

/** @param {{call: import('./desk/model.js').InHand | null, reason: string}} happening @param {App} app */
function ending({ call, reason }, app) {
  const caller = call ? who(call.caller, app) : '';
  const cause = /^phone-(.+)$/.exec(reason)?.[1];
  if (cause && !has(`ended-${reason}`)) return t('ended-phone', { caller, why: has(`o-${cause}`) ? t(`o-${cause}`) : cause });
  return has(`ended-${reason}`) ? t(`ended-${reason}`, { caller }) : t('ended', { why: reason.replaceAll('-', ' ') });
}

/** @param {unknown} error */
function loginTrouble(error) {
  if (!(error instanceof Refusal)) return t('login-failed', { why: String(error) });
  if (error.word === 'wrong-link') return t('wrong-link');
  if (error.status === 401) return t('wrong-secret');
  if (error.status === 429) return t('too-many', { s: error.after || 60 });
  if (error.status === 503) return t('login-busy');
  return error.status === 0 ? t('login-unreachable') : t('login-failed', { why: error.message });
}
