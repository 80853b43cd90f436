// A small test runner for the console's modules: in a browser (index.html) and in Node (run.mjs), without packages.

/** @type {{name: string, run: () => unknown}[]} */
const tests = [];

/** @param {string} name @param {() => unknown} run */
export function test(name, run) {
  tests.push({ name, run });
}

/** @param {unknown} found @param {unknown} wanted @param {string} [what] */
export function same(found, wanted, what = '') {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}\n  found  ${a}\n  wanted ${b}`);
}

/** @param {unknown} value @param {string} [what] */
export function holds(value, what = 'it does not hold') {
  if (!value) throw new Error(what);
}

/** @param {() => unknown} run @param {Function} kind */
export function throws(run, kind, what = '') {
  try {
    run();
  } catch (error) {
    if (error instanceof kind) return;
    throw new Error(`${what}: another error: ${error}`);
  }
  throw new Error(`${what}: nothing was thrown`);
}

/** Time that goes on when told to. @param {(clock: {pass: (ms: number) => Promise<void>}) => Promise<void>} run */
export async function withClock(run) {
  const real = { setTimeout: globalThis.setTimeout.bind(globalThis), clearTimeout: globalThis.clearTimeout.bind(globalThis) };
  let now = 0;
  let ids = 0;
  /** @type {Map<number, {at: number, call: () => void}>} */
  const timers = new Map();
  const settle = () => new Promise((resolve) => real.setTimeout(resolve, 0));
  /** @type {any} */ (globalThis).setTimeout = (/** @type {() => void} */ call, ms = 0) => {
    ids += 1;
    timers.set(ids, { at: now + ms, call });
    return ids;
  };
  /** @type {any} */ (globalThis).clearTimeout = (/** @type {number} */ id) => timers.delete(id);
  const pass = async (/** @type {number} */ ms) => {
    const end = now + ms;
    await settle();
    for (;;) {
      const due = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      timers.delete(due[0]);
      now = due[1].at;
      due[1].call();
      await settle();
    }
    now = end;
  };
  try {
    await run({ pass });
  } finally {
    Object.assign(globalThis, real);
  }
}

/** The words are there, in English; outside of a browser, too. */
export async function speakEnglish() {
  const { speak } = await import('../../src/web/console/words/words.js');
  const world = /** @type {any} */ (globalThis);
  const missing = Object.entries({ document: { documentElement: {} }, navigator: {} }).filter(([name]) => world[name] === undefined);
  for (const [name, value] of missing) world[name] = value;
  await speak('en');
  for (const [name] of missing) delete world[name];
}

/** All of them take about 3 s; one that waits for what never comes is named. */
const PATIENCE = 20_000;

/** @returns {Promise<{passed: number, failed: string[]}>} */
export async function runAll() {
  const failed = [];
  const [later, cancel] = [setTimeout.bind(globalThis), clearTimeout.bind(globalThis)];
  for (const { name, run } of tests) {
    /** @type {any} */
    let limit;
    const late = new Promise((_, reject) => { limit = later(() => reject(new Error('it does not end')), PATIENCE); });
    try {
      await Promise.race([run(), late]);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.stack ?? error.message : error}`);
    } finally {
      cancel(limit);
    }
  }
  return { passed: tests.length - failed.length, failed };
}
