// One RTCPeerConnection: answers offers at once, without waiting for candidates, since the switchboard learns where we are from
// our checks (it is ice-lite); bundled or not, as offered.

/** Lost for so long, new ways are looked for, in ms. */
const LOST_MAX = 2_000;

export class Peer {
  /** @param {MediaStream | null} local what we send */
  constructor(local) {
    this.local = local;
    this.remote = new MediaStream();
    this.isClosed = false;
    this.connection = new RTCPeerConnection({ iceServers: [] });
    /** Something came or went. */
    this.onChange = () => {};
    /** The way is lost. */
    this.onLost = () => {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.connection.ontrack = ({ track }) => {
      for (const known of this.remote.getTracks()) {
        if (known.kind === track.kind && known !== track) this.remote.removeTrack(known);
      }
      this.remote.addTrack(track);
      track.onmute = () => this.onChange();
      track.onunmute = () => this.onChange();
      this.onChange();
    };
    this.connection.oniceconnectionstatechange = () => this.look();
    this.connection.onconnectionstatechange = () => this.onChange();
  }

  look() {
    clearTimeout(this.timer);
    const state = this.connection.iceConnectionState;
    if (state === 'failed') this.onLost();
    else if (state === 'disconnected') this.timer = setTimeout(() => this.onLost(), LOST_MAX);
  }

  /** @param {string} offer @returns {Promise<string>} */
  async answer(offer) {
    await this.connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await this.attach();
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.description();
  }

  /** @param {boolean} isRestart @returns {Promise<string>} */
  async offer(isRestart) {
    if (this.connection.getTransceivers().length === 0) {
      for (const track of this.local?.getTracks() ?? []) this.connection.addTrack(track, /** @type {MediaStream} */ (this.local));
      if (!this.local?.getAudioTracks().length) this.connection.addTransceiver('audio', { direction: 'recvonly' });
    }
    await this.connection.setLocalDescription(await this.connection.createOffer({ iceRestart: isRestart }));
    return this.description();
  }

  /** @param {string} answer */
  async accept(answer) {
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  async rollback() {
    if (this.connection.signalingState === 'have-local-offer') await this.connection.setLocalDescription({ type: 'rollback' });
  }

  description() {
    const sdp = this.connection.localDescription?.sdp;
    if (!sdp) throw new Error('no description');
    return sdp;
  }

  /** Our microphone and camera into the first stream of each kind. */
  async attach() {
    for (const kind of ['audio', 'video']) {
      const track = this.local?.getTracks().find((own) => own.kind === kind) ?? null;
      const transceiver = this.transceiver(kind);
      if (!transceiver || transceiver.currentDirection === 'stopped') continue;
      if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
      transceiver.direction = track ? 'sendrecv' : 'recvonly';
    }
  }

  /** @param {string} kind */
  transceiver(kind) {
    return this.connection.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
  }

  /** Another microphone or camera. @param {MediaStream} local */
  async replace(local) {
    this.local = local;
    for (const kind of ['audio', 'video']) {
      await this.transceiver(kind)?.sender.replaceTrack(local.getTracks().find((track) => track.kind === kind) ?? null);
    }
  }

  /** @param {string} key @returns {boolean} whether the media carries it */
  sendKey(key) {
    const dtmf = this.transceiver('audio')?.sender.dtmf;
    if (!dtmf?.canInsertDTMF) return false;
    dtmf.insertDTMF(dtmf.toneBuffer + key, 160, 60);
    return true;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.connection.ontrack = null;
    this.connection.oniceconnectionstatechange = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }
}
