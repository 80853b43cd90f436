// Put into a page before its own scripts: a microphone that is a tone, a camera that is a colour, and ears and eyes for what
// the page plays. `SETTINGS` is replaced by the test.
(() => {
  const settings = SETTINGS;
  // What is awaited after F5 is written down before it.
  try { settings.awaited = JSON.parse(sessionStorage.getItem("probe")); } catch { /* There is no such storage yet. */ }
  let context;
  const sound = () => {
    context ??= new AudioContext();
    if (context.state === 'suspended') void context.resume();
    return context;
  };

  const microphone = () => {
    const tone = new OscillatorNode(sound(), { frequency: settings.tone });
    const level = new GainNode(sound(), { gain: 0.5 });
    const out = new MediaStreamAudioDestinationNode(sound(), { channelCount: 1 });
    tone.connect(level).connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  };

  const camera = () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [352, 288];
    const draw = canvas.getContext('2d');
    const paint = () => {
      draw.fillStyle = `rgb(${settings.colour.join(' ')})`;
      draw.fillRect(0, 0, canvas.width, canvas.height);
      // So that every picture carries something.
      draw.fillStyle = 'rgb(128 128 128 / 10%)';
      for (let n = 0; n < 50; n++) draw.fillRect(Math.random() * canvas.width, Math.random() * canvas.height, 4, 4);
    };
    paint();
    setInterval(paint, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  };

  navigator.mediaDevices.getUserMedia = async wanted =>
    new MediaStream([...(wanted.audio ? [microphone()] : []), ...(wanted.video ? [camera()] : [])]);

  /** The loudest tone in what the page plays over some ms: its frequency and how loud it is, in dB. */
  const hears = async ms => {
    const stream = document.querySelector('.them audio')?.srcObject;
    if (!stream?.getAudioTracks().length) return { hertz: 0, loudness: -200 };
    const ears = new AnalyserNode(sound(), { fftSize: 8192, smoothingTimeConstant: 0 });
    const source = new MediaStreamAudioSourceNode(sound(), { mediaStream: stream });
    source.connect(ears);
    await new Promise(resolve => setTimeout(resolve, ms));
    const bins = new Float32Array(ears.frequencyBinCount);
    ears.getFloatFrequencyData(bins);
    source.disconnect();
    const best = bins.reduce((found, value, n) => (value > bins[found] ? n : found), 0);
    return { hertz: best * sound().sampleRate / ears.fftSize, loudness: Number.isFinite(bins[best]) ? bins[best] : -200 };
  };

  /** The middle colour of the partner's picture, or that of a quarter of it that looks otherwise; nothing where there is none. */
  const sees = () => {
    const video = document.querySelector('.them video');
    if (!video?.videoWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [16, 16];
    const draw = canvas.getContext('2d');
    draw.drawImage(video, 0, 0, 16, 16);
    const middle = (...area) => {
      const points = [...draw.getImageData(...area).data];
      return [0, 1, 2].map(channel => points.filter((_, n) => n % 4 === channel).sort((a, b) => a - b)[points.length / 8]);
    };
    const whole = middle(0, 0, 16, 16);
    const quarters = [[0, 0], [8, 0], [0, 8], [8, 8]].map(corner => middle(...corner, 8, 8));
    return quarters.find(quarter => quarter.some((value, n) => Math.abs(value - whole[n]) > 60)) ?? whole;
  };

  /** What the desk says of itself, without times and figures. */
  const shows = () => {
    const text = selector => {
      const copy = document.querySelector(selector)?.cloneNode(true);
      for (const part of copy?.querySelectorAll('.time, .health, .level, .waits') ?? []) part.remove();
      return copy?.textContent.replace(/\s+/g, ' ').trim() ?? '';
    };
    const frame = selector => ['both', 'part', 'none'].find(word => document.querySelector(selector)?.classList.contains(word)) ?? '';
    const buttons = [...document.querySelectorAll('.call .buttons [data-verb]')];
    return {
      state: text('.own .word'), who: text('#call-title'), situation: text('.situation'), sentence: text('.sentence'),
      me: frame('.frame.me'), them: frame('.frame.them'), hands: text('.hands'),
      waiting: [...document.querySelectorAll('.scroller li')].map(row => `${row.className} ${row.querySelector('.who').textContent}`),
      wanted: document.title.startsWith('(!)'),
      buttons: buttons.map(button => `${button.dataset.verb} ${button.getAttribute('aria-disabled') === 'false'}`),
    };
  };

  /** When the page could be used, when it showed the colour that is awaited, and when the switchboard was gone, in ms since it began. */
  const times = {};
  // It may be back before anybody asks.
  new MutationObserver(() => {
    if (document.querySelector('.own.noSwitchboard')) times.lost ||= Math.round(performance.now());
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['class'] });
  const watch = () => {
    const now = Math.round(performance.now());
    if (document.querySelector('input[name=operator]')) times.login ??= now;
    if (document.querySelector('.own.free, .own.busy')) times.desk ??= now;
    const seen = settings.awaited && sees();
    if (seen?.every((value, n) => Math.abs(value - settings.awaited[n]) < 60)) times.picture ??= now;
    if (!times.picture) setTimeout(watch, 20);
  };

  window.probe = { hears, sees, shows, times };
  watch();
})();
