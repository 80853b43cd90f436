import { holds, same, test } from './harness.js';

/** What a browser has of microphones and cameras. */
class FakeTrack {
  /** @param {'audio' | 'video'} kind */
  constructor(kind) {
    this.kind = kind;
    this.enabled = true;
    this.isStopped = false;
  }

  stop() { this.isStopped = true; }
}

class FakeStream {
  /** @param {FakeTrack[]} tracks */
  constructor(tracks) { this.tracks = tracks; }

  getTracks() { return this.tracks; }

  getAudioTracks() { return this.tracks.filter(({ kind }) => kind === 'audio'); }

  getVideoTracks() { return this.tracks.filter(({ kind }) => kind === 'video'); }
}

/** @param {(room: {devices: any, give: ((stream: FakeStream) => void)[]}) => Promise<void>} run */
async function withDevices(run) {
  /** @type {((stream: FakeStream) => void)[]} */
  const give = [];
  const world = /** @type {any} */ (globalThis);
  const hasNone = world.navigator === undefined;
  if (hasNone) world.navigator = {};
  const before = Object.getOwnPropertyDescriptor(navigator, 'mediaDevices');
  const mediaDevices = {
    getUserMedia: () => new Promise((resolve) => give.push(resolve)),
    enumerateDevices: async () => [],
    addEventListener: () => {},
  };
  Object.defineProperty(navigator, 'mediaDevices', { value: mediaDevices, configurable: true });
  try {
    const { Devices } = await import('../../src/web/console/phone/devices.js');
    const devices = new Devices();
    devices.turn(false, false);
    await run({ devices, give });
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
