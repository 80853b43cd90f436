import { same, test } from './harness.js';

/** A switchboard that answers what is asked by HTTP. @param {(room: {people: any, kept: string[][], answers: {isThere: boolean}, said: string[]}) => Promise<void>} run */
async function withPeople(run) {
  const world = /** @type {any} */ (globalThis);
  const before = { fetch: world.fetch, setTimeout: world.setTimeout };
  const answers = { isThere: true };
  /** @type {string[][]} */
  const kept = [['4001', '4002']];
  world.fetch = async (/** @type {string} */ path, /** @type {any} */ { method, body }) => {
    if (!answers.isThere) return new Response('{"error":"busy","text":"busy"}', { status: 503 });
    if (path !== '/api/favourites') return new Response('{"calls":[]}');
    if (method === 'PUT') kept.push(JSON.parse(body).numbers);
    return new Response(JSON.stringify({ numbers: kept.at(-1) }));
  };
  const { People } = await import('../../src/web/console/people.js');
  /** @type {string[]} */
  const said = [];
  const app = { session: { peek: () => ({ operator: 'op1' }) }, desk: null, say: (/** @type {string} */ text) => said.push(text) };
  try {
    await run({ people: new People(/** @type {any} */ (app)), kept, answers, said });
  } finally {
    Object.assign(world, before);
  }
}

test('favourites that could not be loaded are not replaced by the next one that is marked', () => withPeople(async ({ people, kept, answers, said }) => {
  /** @type {(() => void)[]} */
  const waiting = [];
  const pause = setTimeout;
  // Only what is asked for again waits: there may be timers of others, who would be taken for it.
  /** @type {any} */ (globalThis).setTimeout = (/** @type {() => void} */ call, /** @type {number} */ ms) => (ms === 5_000 ? waiting.push(call) : pause(call, ms));
  answers.isThere = false;
  const loading = people.load();
  while (waiting.length === 0) await new Promise((resolve) => pause(resolve));
  await people.toggle('4003');
  same([kept.length, people.favourites.value, said.length], [1, [], 1], 'nothing is kept, and it is told');
  answers.isThere = true;
  await people.toggle('4003');
  same([kept.at(-1), people.favourites.value], [['4001', '4002', '4003'], ['4001', '4002', '4003']]);
  for (const call of waiting) call();
  await loading;
  await people.toggle('4001');
  same(kept.at(-1), ['4002', '4003']);
}));

test('what could not be loaded is not shown as none, and can be asked for again', () => withPeople(async ({ people, answers }) => {
  same(people.loaded.value.notes, '', 'on its way');
  answers.isThere = false;
  await Promise.all([people.show('4001'), people.loadHistory(), people.askFavourites().catch(() => {})]);
  same(Object.values(people.loaded.value), ['missing', 'missing', 'missing', 'missing']);
  answers.isThere = true;
  for (const list of ['notes', 'earlier', 'history', 'favourites']) people.again(list);
  same(Object.values(people.loaded.value), ['', '', '', '']);
  while (Object.values(people.loaded.value).includes('')) await new Promise((resolve) => setTimeout(resolve));
  same([Object.values(people.loaded.value), people.favourites.value], [['there', 'there', 'there', 'there'], ['4001', '4002']]);
  // What is found out of the caller before says nothing of this one.
  answers.isThere = false;
  const showing = people.show('4002');
  same([people.loaded.value.notes, people.loaded.value.earlier], ['', '']);
  await showing;
  same([people.loaded.value.notes, people.loaded.value.earlier], ['missing', 'missing']);
}));
