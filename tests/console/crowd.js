// The desk with 500 who wait, without a switchboard: what is in the page of them, and how it scrolls. A test in Rust asks.
import { html, render } from '../../src/web/console/vendor/preact.js';
import { App } from '../../src/web/console/app.js';
import { Root } from '../../src/web/console/view/root.js';
import { speak } from '../../src/web/console/words/words.js';

const CROWD = 500;
/** Points in each frame: some two rows. */
const SPEED = 120;

await speak('en');
const app = new App();
const model = app.empty;
Object.assign(model, { operator: 'op1', phone: '3001', phoneState: 'ok', state: 'idle' });

/** @param {number} n which caller @param {number} position */
function wait(n, position) {
  const caller = { number: String(4000 + n), name: n % 3 ? `Caller ${n}` : '', origin: n % 2 ? 'trunk' : 'guest' };
  const since = new Date(Date.now() - 1_000 * (600 - n)).toISOString();
  model.take({ event: 'offer', request: `r-${n}`, queue: 'main', caller, since, position, waiting: CROWD }, Date.now());
}

for (let n = 1; n <= CROWD; n += 1) wait(n, n);
app.stage.value = 'work';
render(html`<${Root} app=${app} />`, /** @type {Element} */ (document.getElementById('page')));
const list = /** @type {HTMLElement} */ (document.querySelector('.scroller'));
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** The rows that are in the page at this part of the list, as they are read out. @param {number} part */
async function rows(part) {
  list.scrollTop = part * list.scrollHeight;
  await frame();
  await frame();
  const box = list.getBoundingClientRect();
  const all = [...list.querySelectorAll('li')].map((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return {
      n: Number(row.getAttribute('aria-posinset')), of: Number(row.getAttribute('aria-setsize')),
      number: Number(row.querySelector('.n')?.textContent), isSeen: bottom > box.top && top < box.bottom, top,
    };
  });
  const seen = all.filter(({ isSeen }) => isSeen);
  return {
    count: all.length,
    areNumbered: all.every(({ n, of, number }, at) => n === number && of === CROWD && n === (all[0]?.n ?? 0) + at),
    // Those that are seen fill the list.
    areWhole: (seen[0]?.top ?? box.bottom) <= box.top + 1 && (all.at(-1)?.n === CROWD || !all.at(-1)?.isSeen),
  };
}

/** How often the page is drawn anew when each of the crowd moves up. */
async function draws() {
  await frame();
  const before = app.version.peek();
  for (let n = 2; n <= CROWD; n += 1) {
    wait(n, n);
    app.changed();
  }
  await frame();
  await frame();
  return app.version.peek() - before;
}

/** The times between frames while the list is scrolled for so long, in ms. @param {number} ms */
async function scrolls(ms) {
  const gaps = [];
  const end = performance.now() + ms;
  let [last, way] = [await frame(), SPEED];
  list.scrollTop = 0;
  while (last < end) {
    const now = await frame();
    gaps.push(now - last);
    last = now;
    if (list.scrollTop + list.clientHeight + SPEED > list.scrollHeight) way = -SPEED;
    if (list.scrollTop < SPEED) way = SPEED;
    list.scrollTop += way;
  }
  return gaps;
}

Object.assign(globalThis, { crowd: { rows, draws, scrolls } });
document.title = 'ready';
