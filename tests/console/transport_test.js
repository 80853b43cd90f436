import { holds, same, test, withClock } from './harness.js';
import { Transport } from '../../src/web/console/sip/transport.js';

class FakeSocket {
  static OPEN = 1;

  constructor() {
    this.readyState = 1;
    FakeSocket.made.push(this);
    this.onopen = () => {};
    this.onclose = () => {};
  }

  send() {}

  close() {}
}
/** @type {FakeSocket[]} */
FakeSocket.made = [];

/** @param {(room: {transport: Transport, pass: (ms: number) => Promise<void>}) => Promise<void>} run */
function withSockets(run) {
  return withClock(async ({ pass }) => {
    const world = /** @type {any} */ (globalThis);
    const hasDocument = 'document' in world;
    const before = { WebSocket: world.WebSocket, addEventListener: world.addEventListener, removeEventListener: world.removeEventListener };
    const deaf = { addEventListener: () => {}, removeEventListener: () => {} };
    Object.assign(world, { WebSocket: FakeSocket, ...deaf });
    if (!hasDocument) world.document = deaf;
    FakeSocket.made = [];
    try {
      const transport = new Transport('ws://x/sip');
      transport.open();
      await run({ transport, pass });
      transport.close();
    } finally {
      Object.assign(world, before);
      if (!hasDocument) delete world.document;
    }
  });
}

const last = () => /** @type {FakeSocket} */ (FakeSocket.made.at(-1));

test('a connection that is cut at once comes back ever more slowly, a steady one soon', () => withSockets(async ({ transport, pass }) => {
  for (const n of [1, 2, 3, 4, 5]) {
    last().onopen();
    last().onclose();
    await pass(200 * 2 ** (n - 1) * 0.75);
    same(FakeSocket.made.length, n, 'too early');
    await pass(200 * 2 ** (n - 1) * 0.5);
    same(FakeSocket.made.length, n + 1);
  }
  last().onopen();
  await pass(10_500);
  last().onclose();
  await pass(250);
  same(FakeSocket.made.length, 7);
  holds(!transport.isUp);
}));

test('for how long nothing was heard is known when it is back', () => withSockets(async ({ transport, pass }) => {
  last().onopen();
  same(transport.silence, 0, 'at the first');
  transport.heardAt -= 40_000;
  last().onclose();
  await pass(250);
  last().onopen();
  holds(transport.silence >= 40_000);
}));
