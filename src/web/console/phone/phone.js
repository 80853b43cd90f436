// The phone of this page: its registration, its calls, and what is muted.
import { signal } from '../vendor/preact.js';
import { PhoneCall } from '../sip/phone_call.js';
import { Registration } from '../sip/registration.js';
import { Peer } from './peer.js';

/** Calls at once; more are busy. */
const CALLS_MAX = 4;

export class Phone {
  /** @param {import('../sip/agent.js').Agent} agent @param {string} number @param {import('./devices.js').Devices} devices */
  constructor(agent, number, devices) {
    this.agent = agent;
    this.devices = devices;
    this.registration = new Registration(agent, number);
    this.registered = signal(/** @type {import('../sip/registration.js').RegistrationState} */ ('none'));
    this.registration.onChange = () => {
      this.registered.value = this.registration.state;
    };
    /** The calls, newest last. @type {import('../vendor/preact.js').Signal<{call: PhoneCall, peer: Peer}[]>} */
    this.calls = signal([]);
    /** One that rings until somebody picks up. @type {import('../vendor/preact.js').Signal<PhoneCall | null>} */
    this.ringing = signal(null);
    /** What is to be heard and seen; a new object at each change. @type {import('../vendor/preact.js').Signal<{stream: MediaStream, hasPicture: boolean} | null>} */
    this.remote = signal(null);
    this.isMuted = devices.isMuted;
    this.isCameraOff = devices.isCameraOff;
    agent.onInvite = (incoming) => this.invited(incoming);
  }

  /** The connection is there. */
  up() {
    for (const { call } of this.calls.peek()) call.resume();
  }

  /** It is this page that works: calls come here. */
  register() {
    this.registration.begin();
  }

  down() {
    this.registration.lose();
    for (const { call } of this.calls.peek()) call.cut();
  }

  /** @param {import('../sip/transactions.js').Incoming} incoming */
  invited(incoming) {
    if (this.calls.peek().length >= CALLS_MAX || (this.ringing.peek() && !isAutomatic(incoming))) {
      incoming.respond(486, 'Busy Here');
      return;
    }
    const peer = new Peer(this.devices.stream.peek());
    const call = new PhoneCall(this.agent, incoming, peer);
    peer.onChange = () => this.show();
    peer.onLost = () => void call.restart();
    call.onOver = () => this.over(call);
    this.calls.value = [...this.calls.peek(), { call, peer }];
    if (call.isAutomatic) void this.answer(call);
    else this.ringing.value = call;
  }

  /** @param {PhoneCall} call */
  async answer(call) {
    if (this.ringing.peek() === call) this.ringing.value = null;
    this.show();
    // After F5 the call may be back before the microphone is.
    await this.devices.opening;
    const own = this.calls.peek().find((known) => known.call === call);
    if (own) own.peer.local = this.devices.stream.peek();
    await call.answer();
  }

  /** @param {PhoneCall} call */
  over(call) {
    if (this.ringing.peek() === call) this.ringing.value = null;
    this.calls.value = this.calls.peek().filter((known) => known.call !== call);
    this.show();
  }

  /** The one that is heard: the newest that was answered. */
  get current() {
    return this.calls.peek().filter(({ call }) => call !== this.ringing.peek()).at(-1);
  }

  show() {
    const peer = this.current?.peer;
    this.remote.value = peer
      ? { stream: peer.remote, hasPicture: peer.remote.getVideoTracks().some((track) => !track.muted) }
      : null;
  }

  /** @param {boolean} on */
  mute(on) {
    this.devices.turn(on, this.isCameraOff.peek());
  }

  /** @param {boolean} off */
  turnCameraOff(off) {
    this.devices.turn(this.isMuted.peek(), off);
  }

  /** Another microphone or camera. @returns {Promise<boolean>} whether it is there */
  async reopen() {
    const stream = await this.devices.open();
    if (!stream) return false;
    for (const { peer } of this.calls.peek()) await peer.replace(stream);
    return true;
  }

  /** @param {string} key */
  sendKey(key) {
    const current = this.current;
    if (current && !current.peer.sendKey(key)) current.call.sendKey(key);
  }

  /** @param {boolean} hangsUp whether calls are ended, too */
  async close(hangsUp) {
    if (hangsUp) {
      for (const { call } of this.calls.peek()) call.hangUp();
      await this.registration.end();
    } else {
      this.registration.lose();
      for (const { call } of this.calls.peek()) call.end();
    }
    this.show();
  }
}

/** @param {import('../sip/transactions.js').Incoming} incoming */
function isAutomatic(incoming) {
  return incoming.request.headers.all('answer-mode').some((mode) => /^auto\b/i.test(mode));
}
