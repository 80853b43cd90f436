// Microphone, camera and speakers: which there are, which are chosen, what comes of them.
import { signal } from '../vendor/preact.js';
import { recall, recallTab, remember, rememberTab } from '../store.js';

/** @typedef {'microphone' | 'camera' | 'speaker' | 'ringer'} Role */

/** @type {Record<Role, MediaDeviceKind>} */
const KINDS = { microphone: 'audioinput', camera: 'videoinput', speaker: 'audiooutput', ringer: 'audiooutput' };

export class Devices {
  constructor() {
    /** @type {import('../vendor/preact.js').Signal<MediaDeviceInfo[]>} */
    this.all = signal([]);
    /** By role the chosen device, an empty text for the system's. */
    this.chosen = signal(/** @type {Record<Role, string>} */ ({
      microphone: recall('microphone', ''), camera: recall('camera', ''), speaker: recall('speaker', ''),
      ringer: recall('ringer', ''),
    }));
    /** The browser takes echo and noise away; who has a good headset may not want that. */
    this.isCleaned = signal(recall('cleaned', true));
    /** @type {import('../vendor/preact.js').Signal<MediaStream | null>} */
    this.stream = signal(null);
    /** The last attempt to open them. @type {Promise<MediaStream | null>} */
    this.opening = Promise.resolve(null);
    /** What is muted stays so with another microphone, and over F5. */
    this.isMuted = signal(recallTab('muted', false));
    this.isCameraOff = signal(recallTab('cameraOff', false));
    /** Rises with each attempt to open them and with each close: what an older one brings is not wanted any more. */
    this.attempts = 0;
    /** Why there is no microphone or camera: a name of `words/`, or nothing. */
    this.trouble = signal('');
    /** One that is in use has been unplugged, or one that was missed is there. */
    this.onChange = () => {};
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.plugged());
  }

  /** Something was plugged in, or out. */
  async plugged() {
    await this.look();
    if (this.stream.peek() && this.isMissed) this.onChange();
  }

  /** Whether what is in use lacks a microphone or a camera that is wanted, and there is one. */
  get isMissed() {
    const lacks = (/** @type {'audio' | 'video'} */ kind) => !this.has(kind) && this.all.peek().some((one) => one.kind === `${kind}input`);
    return lacks('audio') || (this.chosen.peek().camera !== 'none' && lacks('video'));
  }

  /** Whether something of this kind is in use, and plugged in. @param {'audio' | 'video'} kind */
  has(kind) {
    return this.stream.value?.getTracks().some((track) => track.kind === kind && track.readyState !== 'ended') ?? false;
  }

  async look() {
    try {
      this.all.value = await navigator.mediaDevices.enumerateDevices();
    } catch {
      this.all.value = [];
    }
  }

  /** @param {Role} role */
  of(role) {
    return this.all.value.filter(({ kind, deviceId }) => kind === KINDS[role] && deviceId !== '');
  }

  /** Opens microphone and camera, or what there is of them. @returns {Promise<MediaStream | null>} */
  open() {
    this.opening = this.tryOpen();
    return this.opening;
  }

  /** @returns {Promise<MediaStream | null>} */
  async tryOpen() {
    if (!navigator.mediaDevices) {
      this.trouble.value = 'insecurePage';
      return null;
    }
    this.trouble.value = '';
    this.attempts += 1;
    const attempt = this.attempts;
    const wantsCamera = this.chosen.value.camera !== 'none';
    let isRefused = false;
    for (const constraints of this.wanted()) {
      // Who has refused the camera is asked for the microphone alone, and nobody twice for the same.
      if (isRefused && constraints.video) continue;
      try {
        const stream = await navigator.mediaDevices.getUserMedia(/** @type {MediaStreamConstraints} */ (constraints));
        if (attempt !== this.attempts) {
          for (const track of stream.getTracks()) track.stop();
          return null;
        }
        this.use(stream);
        if (wantsCamera && stream.getVideoTracks().length === 0) this.trouble.value = 'noCamera';
        await this.look();
        return stream;
      } catch (found) {
        if (attempt !== this.attempts) return null;
        isRefused = found instanceof DOMException && found.name === 'NotAllowedError';
        if (isRefused && !constraints.video) break;
      }
    }
    this.trouble.value = isRefused ? 'notAllowed' : 'noMicrophone';
    return null;
  }

  /**
   * What is asked for, one after the other: what was chosen, and in the place of what is not plugged in whatever there is; sound alone
   * when there is no camera at all.
   * @returns {MediaStreamConstraints[]}
   */
  wanted() {
    const { microphone, camera } = this.chosen.value;
    const cleans = this.isCleaned.value;
    const audio = { echoCancellation: cleans, noiseSuppression: cleans, autoGainControl: cleans };
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25, max: 30 } };
    const audios = microphone ? [{ ...exact(microphone), ...audio }, audio] : [audio];
    const videos = camera === 'none' ? [] : camera ? [{ ...exact(camera), ...video }, video] : [video];
    return [...videos, false].flatMap((video) => audios.map((audio) => ({ audio, video })));
  }

  /** @param {MediaStream | null} stream */
  use(stream) {
    const old = this.stream.peek();
    // Not when we stop it: then nobody is told.
    for (const track of stream?.getTracks() ?? []) track.onended = () => this.stream.peek() === stream && this.onChange();
    // Before anybody gets it.
    this.enable(stream);
    this.stream.value = stream;
    for (const track of old?.getTracks() ?? []) track.stop();
  }

  /** What is muted sends silence, what is off a black picture. @param {MediaStream | null} stream */
  enable(stream) {
    for (const track of stream?.getAudioTracks() ?? []) track.enabled = !this.isMuted.peek();
    for (const track of stream?.getVideoTracks() ?? []) track.enabled = !this.isCameraOff.peek();
  }

  /** @param {boolean} isMuted @param {boolean} isCameraOff */
  turn(isMuted, isCameraOff) {
    this.isMuted.value = isMuted;
    this.isCameraOff.value = isCameraOff;
    rememberTab('muted', isMuted || null);
    rememberTab('cameraOff', isCameraOff || null);
    this.enable(this.stream.peek());
  }

  /** @param {Role} role @param {string} id */
  choose(role, id) {
    this.chosen.value = { ...this.chosen.value, [role]: id };
    remember(role, id);
  }

  /** @param {boolean} on */
  clean(on) {
    this.isCleaned.value = on;
    remember('cleaned', on);
  }

  close() {
    this.attempts += 1;
    this.use(null);
  }
}

/** @param {string} id */
function exact(id) {
  return { deviceId: { exact: id } };
}

/** Whether the browser can choose where sound comes out. */
export const canChooseSpeaker = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;

/** @param {HTMLMediaElement} element @param {string} id */
export function sendTo(element, id) {
  if (canChooseSpeaker) void /** @type {any} */ (element).setSinkId(id).catch(() => {});
}
