// How loud the microphone is, from 0 to 1, and whether it gives nothing at all.
import { signal } from '../vendor/preact.js';

/** Less than this for so long is no microphone that works. */
const NOTHING = 0.0015;
const NOTHING_FOR = 6_000;
const EACH = 100;

export class Meter {
  constructor() {
    this.level = signal(0);
    this.isSilent = signal(false);
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    /** @type {AudioNode | null} */
    this.source = null;
    this.heardAt = 0;
  }

  /** @param {AudioContext} context @param {MediaStream | null} stream */
  watch(context, stream) {
    this.stop();
    if (!stream || stream.getAudioTracks().length === 0) return;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1_024;
    const source = context.createMediaStreamSource(stream);
    source.connect(analyser);
    this.source = source;
    const samples = new Float32Array(analyser.fftSize);
    this.heardAt = performance.now();
    this.timer = setInterval(() => {
      // A context that no gesture has woken hears nothing, which says nothing of the microphone.
      const isMuted = stream.getAudioTracks().every((track) => !track.enabled);
      if (context.state !== 'running' || isMuted) {
        this.heardAt = performance.now();
        this.level.value = 0;
        this.isSilent.value = false;
        return;
      }
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      const loudness = Math.sqrt(sum / samples.length);
      if (loudness > NOTHING) this.heardAt = performance.now();
      this.isSilent.value = performance.now() - this.heardAt > NOTHING_FOR;
      // In steps, so that the page is drawn anew only when it looks different; -60 dB is 0, 0 dB is 1.
      const scaled = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(loudness, 1e-6)) / 3));
      this.level.value = Math.round(scaled * 20) / 20;
    }, EACH);
  }

  stop() {
    clearInterval(this.timer);
    this.source?.disconnect();
    this.source = null;
    this.level.value = 0;
    this.isSilent.value = false;
  }
}
