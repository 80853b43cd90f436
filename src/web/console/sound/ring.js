// What rings: two soft tones, on a device of its own choice. WebAudio makes them, so that no file is loaded.
import { sendTo } from '../phone/devices.js';

/** Between two rings, in ms. */
const EACH = 3_000;

export class Ring {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {HTMLAudioElement | null} */
    this.element = null;
    /** @type {MediaStreamAudioDestinationNode | null} */
    this.out = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    this.device = '';
  }

  /** To be called from a gesture: browsers keep pages silent until one. */
  unlock() {
    this.context ??= new AudioContext();
    if (this.context.state === 'suspended') void this.context.resume().catch(() => {});
    if (!this.element) {
      this.out = this.context.createMediaStreamDestination();
      this.element = new Audio();
      this.element.srcObject = this.out.stream;
      sendTo(this.element, this.device);
    }
    void this.element.play().catch(() => {});
    return this.context;
  }

  /** Whether the browser still wants a gesture. */
  get isLocked() {
    return this.context?.state !== 'running';
  }

  /** @param {string} device */
  use(device) {
    this.device = device;
    if (this.element) sendTo(this.element, device);
  }

  /** @param {boolean} on */
  set(on) {
    if (on === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = undefined;
    if (!on) return;
    this.once();
    this.timer = setInterval(() => this.once(), EACH);
  }

  once() {
    this.tone(660, 0, 0.35);
    this.tone(550, 0.45, 0.5);
  }

  /** A call in hand is recalled. */
  recall() {
    this.tone(440, 0, 0.25);
  }

  /** @param {number} frequency in Hz @param {number} after in s @param {number} length in s */
  tone(frequency, after, length) {
    const { context, out } = this;
    if (!context || !out || context.state !== 'running') return;
    const begin = context.currentTime + after;
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(0.25, begin + 0.03);
    gain.gain.setTargetAtTime(0, begin + length - 0.1, 0.05);
    oscillator.connect(gain).connect(out);
    oscillator.start(begin);
    oscillator.stop(begin + length + 0.2);
  }
}
