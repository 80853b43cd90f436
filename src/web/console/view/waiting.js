// Who waits. Only the rows that are seen are in the page, so that five hundred scroll as easily as five.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../vendor/preact.js';
import { action } from '../desk/actions.js';
import { act } from '../commands.js';
import { full, who } from '../sentences.js';
import { has, span, t } from '../words/words.js';

/** Rows above and below what is seen. */
const MORE = 4;
/** Between two stills of one caller, in ms. */
const STILL_EACH = 2_000;
/** After one that was not there. */
const STILL_AGAIN = 20_000;

/** @param {{app: import('../app.js').App}} props */
export function WaitingList({ app }) {
  const { model } = app;
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [place, setPlace] = useState({ top: 0, height: 600, row: 64 });
  const measure = () => {
    const element = list.current;
    if (!element) return;
    const row = parseFloat(getComputedStyle(element).getPropertyValue('--row')) * parseFloat(getComputedStyle(document.documentElement).fontSize) || 64;
    setPlace((before) => {
      const next = { top: element.scrollTop, height: element.clientHeight, row };
      // Only when other rows are to be drawn.
      return Math.floor(before.top / before.row) === Math.floor(next.top / next.row) && before.height === next.height && before.row === next.row ? before : next;
    });
  };
  useLayoutEffect(measure, []);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  const { waiting } = model;
  const first = Math.max(0, Math.floor(place.top / place.row) - MORE);
  const end = Math.min(waiting.length, Math.ceil((place.top + place.height) / place.row) + MORE);
  const canTake = action(model, 'take', app.callsMax).can;
  return html`<section class="waiting" aria-labelledby="waiting-title">
    <h2 id="waiting-title">${t('waiting')} <span class="count">${waiting.length || ''}</span></h2>
    <div class="scroller" ref=${list} onScroll=${measure} tabindex=${waiting.length > 0 ? 0 : -1} role="group" aria-labelledby="waiting-title">
      ${waiting.length === 0
        ? html`<p class="note">${t('nobodyWaiting')}</p>`
        : html`<ul style=${{ height: `${waiting.length * place.row}px` }}>
          ${waiting.slice(first, end).map((one, n) => html`<${Row} key=${one.request} app=${app} one=${one} n=${first + n} count=${waiting.length}
            top=${(first + n) * place.row} canTake=${canTake} />`)}</ul>`}
    </div>
  </section>`;
}

/** @param {{app: import('../app.js').App, one: import('../desk/model.js').Waiting, n: number, count: number, top: number, canTake: boolean}} props */
function Row({ app, one, n, count, top, canTake }) {
  const name = full(one.caller, app);
  const time = span(app.serverNow() - one.since);
  const isBusy = app.desk?.isPending('take', one.request) || app.desk?.isPending('decline', one.request);
  return html`<li style=${{ transform: `translateY(${top}px)` }} aria-setsize=${count} aria-posinset=${n + 1}
      class=${one.isOffered ? 'offered' : ''}>
    <button class="take" aria-disabled=${canTake ? 'false' : 'true'} aria-busy=${isBusy ? 'true' : 'false'}
      onClick=${() => act(app, 'take', { request: one.request })}>
      <span class="hidden">${t('take')}</span> <span class="n">${n + 1}</span>
      <${Still} request=${one.request} />
      <span class="who">${who(one.caller, app)}${one.priority > 0 && html` <em>${t('priority')}</em>`}<small>${details(one)}</small></span>
      <span class="time">${isBusy ? html`<span class="way">${t('onItsWay')}</span>` : time}</span>
    </button>
    ${one.isOffered && html`<button class="leave" title=${t('decline')} aria-label=${t('declineOf', { who: name })}
      onClick=${() => act(app, 'decline', { request: one.request })}>✕</button>`}
  </li>`;
}

/** Number, queue, and what else there is to say. @param {import('../desk/model.js').Waiting} one */
function details(one) {
  const { name, number, origin } = one.caller;
  const from = origin && origin !== 'terminal' && has(origin) ? t(origin) : '';
  return [name && number !== 'anonymous' ? number : '', from, one.queue].filter(Boolean).join(' · ');
}

/** The still of who waits, where the queue has them: an answer of 404 is asked about seldom. @param {{request: string}} props */
function Still({ request }) {
  const [source, setSource] = useState('');
  const [isThere, setThere] = useState(false);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const ask = () => {
    if (document.visibilityState === 'visible' && stillsMay(request)) setSource(`/api/stills/${encodeURIComponent(request)}?at=${Date.now()}`);
    else timer.current = setTimeout(ask, STILL_EACH);
  };
  const next = (/** @type {boolean} */ found) => {
    setThere(found);
    stillsSeen(found);
    timer.current = setTimeout(ask, found ? STILL_EACH : STILL_AGAIN);
  };
  useEffect(() => {
    ask();
    return () => clearTimeout(timer.current);
  }, [request]);
  return source ? html`<img class="still" alt="" hidden=${!isThere} src=${source} onLoad=${() => next(true)} onError=${() => next(false)} />` : null;
}

/** A switchboard without stills is asked for three of them, and then for none for a while. */
const stills = { misses: 0, until: 0 };

/** @param {string} _request */
function stillsMay(_request) {
  return Date.now() >= stills.until;
}

/** @param {boolean} found */
function stillsSeen(found) {
  stills.misses = found ? 0 : stills.misses + 1;
  if (stills.misses >= 3) {
    stills.misses = 2;
    stills.until = Date.now() + 3 * STILL_AGAIN;
  }
}
