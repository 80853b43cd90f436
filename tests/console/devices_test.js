import { holds, same, test } from './harness.js';

/** What a browser has of microphones and cameras. */
class FakeTrack {
  /** @param {'audio' | 'video'} kind */
  constructor(kind) {
    this.kind = kind;
    this.enabled = true;
    this.isStopped = false;
    this.readyState = 'live';
    /** @type {(() => void) | null} */
    this.onended = null;
  }

  stop() {
    this.isStopped = true;
    this.readyState = 'ended';
  }

  unplug() {
    this.readyState = 'ended';
    this.onended?.();
  }
}

class FakeStream {
  /** @param {FakeTrack[]} tracks */
  constructor(tracks) { this.tracks = tracks; }

  getTracks() { return this.tracks; }

  getAudioTracks() { return this.tracks.filter(({ kind }) => kind === 'audio'); }

  getVideoTracks() { return this.tracks.filter(({ kind }) => kind === 'video'); }
}

/**
 * @param {(room: {devices: any, give: ((stream: FakeStream) => void)[], plug: (...kinds: string[]) => Promise<void>}) => Promise<void>} run
 * @param {((constraints: any) => Promise<FakeStream>) | null} judge what asking brings, where it is not given by hand
 */
async function withDevices(run, judge = null) {
  /** @type {((stream: FakeStream) => void)[]} */
  const give = [];
  /** @type {{kind: string}[]} */
  let there = [];
  let changed = () => {};
  const world = /** @type {any} */ (globalThis);
  const hasNone = world.navigator === undefined;
  if (hasNone) world.navigator = {};
  const before = Object.getOwnPropertyDescriptor(navigator, 'mediaDevices');
  const mediaDevices = {
    getUserMedia: judge ?? (() => new Promise((resolve) => give.push(resolve))),
    enumerateDevices: async () => there,
    addEventListener: (/** @type {string} */ _, /** @type {() => void} */ listener) => { changed = listener; },
  };
  Object.defineProperty(navigator, 'mediaDevices', { value: mediaDevices, configurable: true });
  try {
    const { Devices } = await import('../../src/web/console/phone/devices.js');
    const devices = new Devices();
    devices.turn(false, false);
    const plug = async (/** @type {string[]} */ ...kinds) => {
      there = kinds.map((kind) => ({ kind }));
      changed();
      await null;
      await null;
    };
    await run({ devices, give, plug });
    devices.turn(false, false);
  } finally {
    if (before) Object.defineProperty(navigator, 'mediaDevices', before);
    else delete (/** @type {any} */ (navigator).mediaDevices);
    if (hasNone) delete world.navigator;
  }
}

const both = () => new FakeStream([new FakeTrack('audio'), new FakeTrack('video')]);
const enabled = (/** @type {any} */ devices) => devices.stream.peek().getTracks().map((/** @type {FakeTrack} */ track) => track.enabled);

test('what is muted and off stays so, also with a camera after none', () => withDevices(async ({ devices, give }) => {
  const opening = devices.open();
  give[0]?.(new FakeStream([new FakeTrack('audio')]));
  await opening;
  devices.turn(true, true);
  same(enabled(devices), [false]);
  const again = devices.open();
  give[1]?.(both());
  await again;
  same(enabled(devices), [false, false]);
  devices.turn(false, true);
  same(enabled(devices), [true, false]);
  devices.close();
}));

test('a microphone that comes after the close is turned off at once', () => withDevices(async ({ devices, give }) => {
  const opening = devices.open();
  devices.close();
  const late = both();
  give[0]?.(late);
  same(await opening, null);
  holds(late.tracks.every(({ isStopped }) => isStopped));
  same(devices.stream.peek(), null);
}));

test('of two attempts the later one counts', () => withDevices(async ({ devices, give }) => {
  const [first, second] = [devices.open(), devices.open()];
  const [early, late] = [both(), both()];
  give[1]?.(late);
  give[0]?.(early);
  same(await first, null);
  await second;
  holds(early.tracks.every(({ isStopped }) => isStopped) && late.tracks.every(({ isStopped }) => !isStopped));
  devices.close();
  holds(late.tracks.every(({ isStopped }) => isStopped));
}));

test('in the place of a device that is not plugged in there is another, and the other one stays', () => {
  /** @type {string[]} */
  const asked = [];
  const judge = async (/** @type {any} */ { audio, video }) => {
    const [microphone, camera] = [audio, video].map((one) => one?.deviceId?.exact ?? (one ? 'any' : 'no'));
    asked.push(`${microphone}+${camera}`);
    if (microphone === 'headset' || camera === 'old') throw new Error('OverconstrainedError');
    return new FakeStream([new FakeTrack('audio'), ...(video ? [new FakeTrack('video')] : [])]);
  };
  return withDevices(async ({ devices }) => {
    devices.choose('microphone', 'headset');
    devices.choose('camera', 'good');
    await devices.open();
    same([asked.splice(0), devices.trouble.value], [['headset+good', 'any+good'], '']);
    devices.choose('camera', 'old');
    await devices.open();
    same([asked.at(-1), devices.trouble.value, devices.has('video')], ['any+any', '', true]);
    devices.choose('camera', 'none');
    await devices.open();
    same([asked.at(-1), devices.trouble.value, devices.has('video')], ['any+no', '', false]);
    devices.choose('microphone', '');
    devices.choose('camera', '');
    devices.close();
  }, judge);
});

test('who refuses is asked for the microphone alone, and not again', () => {
  let asked = 0;
  const judge = async () => {
    asked += 1;
    throw new DOMException('no', 'NotAllowedError');
  };
  return withDevices(async ({ devices }) => {
    devices.choose('camera', 'good');
    same([await devices.open(), asked, devices.trouble.value], [null, 2, 'notAllowed']);
    devices.choose('camera', '');
  }, judge);
});

test('what is unplugged while it is used is told, and so is what comes in its place', () => withDevices(async ({ devices, give, plug }) => {
  let told = 0;
  devices.onChange = () => { told += 1; };
  const opening = devices.open();
  const first = both();
  give[0]?.(first);
  await opening;
  await plug('audioinput', 'videoinput');
  same(told, 0, 'nothing is missing');
  first.tracks[1]?.unplug();
  same([told, devices.has('video'), devices.has('audio')], [1, false, true]);
  await plug('audioinput', 'audioinput');
  same(told, 1, 'no camera came');
  await plug('audioinput', 'videoinput');
  same(told, 2, 'one came');
  const again = devices.open();
  const second = both();
  give[1]?.(second);
  await again;
  same(told, 2);
  first.tracks[0]?.unplug();
  same(told, 2, 'of a stream that is used no more');
  devices.close();
  await plug('audioinput', 'videoinput');
  same(told, 2);
}));
