import { Looks } from '../../src/web/console/desk/looks.js';
import { same, test, withClock } from './harness.js';

/** Looks of which a test counts how many there were. @param {() => boolean} isThere */
function counted(isThere) {
  const count = { looks: 0 };
  const looks = new Looks(async () => {
    count.looks += 1;
    return isThere();
  });
  return { count, looks };
}

test('who sends a picture is looked at every two seconds', () => withClock(async ({ pass }) => {
  const { count, looks } = counted(() => true);
  await pass(10_500);
  same(count.looks, 6);
  looks.close();
  await pass(60_000);
  same(count.looks, 6, 'it is over');
}));

test('who sends none is looked at less and less, and as before once there is something', () => withClock(async ({ pass }) => {
  let isThere = false;
  const { count, looks } = counted(() => isThere);
  // At 0, 2, 6, 14, 30, 60, 90 s.
  await pass(91_000);
  same(count.looks, 7);
  isThere = true;
  await pass(30_000);
  same(count.looks, 8, 'at 120 s');
  await pass(10_000);
  same(count.looks, 13);
  looks.close();
}));

test('who is offered anew is looked at soon, and never more often than stills are made', () => withClock(async ({ pass }) => {
  const { count, looks } = counted(() => false);
  await pass(91_000);
  const before = count.looks;
  looks.anew();
  looks.anew();
  await pass(1_900);
  same(count.looks, before);
  await pass(200);
  same(count.looks, before + 1);
  await pass(2_000);
  same(count.looks, before + 2, 'and from there less and less');
  await pass(3_000);
  same(count.looks, before + 2);
  looks.close();
}));

test('two callers are asked for one after the other, and one that fails stops no other', () => withClock(async ({ pass }) => {
  /** @type {string[]} */
  const said = [];
  let release = () => {};
  const first = new Looks(() => new Promise((_, fail) => {
    said.push('first');
    release = () => fail(new Error('gone'));
  }));
  const second = new Looks(async () => {
    said.push('second');
    return true;
  });
  await pass(100);
  same(said, ['first']);
  release();
  await pass(100);
  same(said, ['first', 'second']);
  first.close();
  second.close();
}));
