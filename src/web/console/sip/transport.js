// One WebSocket after the other (RFC 7118): it comes back by itself, from 0.2 to 5 s, and a dead one is noticed.

/** The pause before the first new try, in ms; it doubles. */
const PAUSE = 200;
const PAUSE_MAX = 5_000;
/** One that lasted so long was a good one: the next pause is the first again, in ms. */
const STEADY = 10_000;
/** A connection that is not open after so long is none, in ms. */
const OPEN_MAX = 8_000;
/** Each so many ms without a frame a CRLF CRLF is sent (RFC 5626 §4.4.1), and answered by a CRLF. */
const QUIET_MAX = 15_000;
/** An answer that has not come after so long will not come, in ms. */
const ANSWER_MAX = 6_000;
/** The same after the machine slept or the network changed, in ms. */
const ANSWER_SOON = 1_500;

export class Transport {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.isUp = false;
    this.pause = PAUSE;
    this.closed = false;
    /** @type {(text: string) => void} */
    this.onText = () => {};
    this.onUp = () => {};
    this.onDown = () => {};
    /** A try that did not come to a connection. */
    this.onFailure = () => {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.quiet = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.steady = undefined;
    /** When something was heard, in ms since 1970; 0 before that. */
    this.heardAt = 0;
    /** For how long nothing had been heard when this connection came about, in ms. */
    this.silence = 0;
    const look = () => this.look();
    const seen = () => document.visibilityState === 'visible' && this.look();
    addEventListener('online', look);
    addEventListener('pageshow', look);
    document.addEventListener('visibilitychange', seen);
    this.deafen = () => {
      removeEventListener('online', look);
      removeEventListener('pageshow', look);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  open() {
    if (this.closed || this.socket) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url, 'sip');
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.timer = setTimeout(() => this.lose(socket), OPEN_MAX);
    socket.onopen = () => this.opened(socket);
    socket.onmessage = ({ data }) => this.heard(socket, data);
    socket.onclose = () => this.lose(socket);
  }

  /** @param {WebSocket} socket */
  opened(socket) {
    if (socket !== this.socket) return;
    clearTimeout(this.timer);
    this.isUp = true;
    this.steady = setTimeout(() => { this.pause = PAUSE; }, STEADY);
    this.silence = this.heardAt ? Date.now() - this.heardAt : 0;
    this.listen();
    this.onUp();
  }

  /** @param {WebSocket} socket @param {string | ArrayBuffer} data */
  heard(socket, data) {
    if (socket !== this.socket) return;
    this.listen();
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
    if (/^[\r\n]*$/.test(text)) return;
    this.onText(text);
  }

  /** Something was heard: the next sign of life is asked for later. */
  listen() {
    this.heardAt = Date.now();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.ask(ANSWER_MAX), QUIET_MAX);
  }

  /** @param {number} patience in ms */
  ask(patience) {
    const socket = this.socket;
    if (!socket || !this.isUp) return;
    if (socket.readyState === WebSocket.OPEN) socket.send('\r\n\r\n');
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.lose(socket), patience);
  }

  /** The machine woke, or the network is another one: is the connection still there? */
  look() {
    if (this.closed) return;
    if (this.isUp) this.ask(ANSWER_SOON);
    else if (!this.socket) this.open();
  }

  /** @param {string} text @returns {boolean} whether it was sent */
  send(text) {
    if (!this.isUp || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(text);
    return true;
  }

  /** @param {WebSocket} socket */
  lose(socket) {
    if (socket !== this.socket) return;
    const was = this.isUp;
    this.drop();
    if (was) this.onDown();
    else this.onFailure();
    if (this.closed || this.socket) return;
    // Each page waits a little longer or shorter, so that they do not all come at once after a restart.
    const pause = this.pause * (0.8 + 0.4 * Math.random());
    this.pause = Math.min(this.pause * 2, PAUSE_MAX);
    this.timer = setTimeout(() => this.open(), pause);
  }

  drop() {
    clearTimeout(this.timer);
    clearTimeout(this.quiet);
    clearTimeout(this.steady);
    const socket = this.socket;
    this.socket = null;
    this.isUp = false;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** For good. */
  close() {
    this.closed = true;
    this.deafen();
    this.drop();
  }
}
