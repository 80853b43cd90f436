// Who waits. Only the rows that are seen are in the page, so that five hundred scroll as easily as five.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../vendor/preact.js';
import { action } from '../desk/actions.js';
import { Looks } from '../desk/looks.js';
import { act } from '../commands.js';
import { api } from '../api.js';
import { full, who } from '../sentences.js';
import { has, t } from '../words/words.js';
import { Since } from './parts.js';

/** Rows are drawn so many at a time: between two scrolls mostly none. */
const STEP = 4;
/** Rows above and below what is seen, at least. */
const MORE = 4;
/** What is not confirmed for so long is taken away. */
const STILL_OLD = 6_000;

/** @param {{app: import('../app.js').App}} props */
export function WaitingList({ app }) {
  const { model } = app;
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [place, setPlace] = useState({ top: 0, height: 600, row: 64 });
  const measure = () => {
    const element = list.current;
    if (!element) return;
    const row = parseFloat(getComputedStyle(element).getPropertyValue('--row')) * parseFloat(getComputedStyle(document.documentElement).fontSize) || 64;
    setPlace({ top: element.scrollTop, height: element.clientHeight, row });
  };
  const scrolled = () => {
    const top = list.current?.scrollTop ?? 0;
    // Only when other rows are to be drawn.
    setPlace((before) => (step(before.top / before.row) === step(top / before.row) ? before : { ...before, top }));
  };
  useLayoutEffect(measure, []);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  const { waiting } = model;
  const first = Math.max(0, step(place.top / place.row) - MORE);
  const end = Math.min(waiting.length, step((place.top + place.height) / place.row) + STEP + MORE);
  const canTake = action(model, 'take', app.callsMax).can;
  return html`<section class="waiting" aria-labelledby="waiting-title">
    <h2 id="waiting-title">${t('waiting')} <span class="count">${waiting.length || ''}</span></h2>
    <div class="scroller" ref=${list} onScroll=${scrolled} tabindex=${waiting.length > 0 ? 0 : -1} role="group" aria-labelledby="waiting-title">
      ${waiting.length === 0
        ? html`<p class="note">${t('nobodyWaiting')}</p>`
        : html`<ul style=${{ height: `${waiting.length * place.row}px` }}>
          ${waiting.slice(first, end).map((one, n) => html`<${Row} key=${one.request} app=${app} one=${one} n=${first + n} count=${waiting.length}
            top=${(first + n) * place.row} canTake=${canTake} />`)}</ul>`}
    </div>
  </section>`;
}

/** The first row of the step that this one is in. @param {number} row */
function step(row) {
  return Math.floor(row / STEP) * STEP;
}

/** @param {{app: import('../app.js').App, one: import('../desk/model.js').Waiting, n: number, count: number, top: number, canTake: boolean}} props */
function Row({ app, one, n, count, top, canTake }) {
  const name = full(one.caller, app);
  const isBusy = app.desk?.isPending('take', one.request) || app.desk?.isPending('decline', one.request);
  return html`<li style=${{ transform: `translateY(${top}px)` }} aria-setsize=${count} aria-posinset=${n + 1}
      class=${one.isOffered ? 'offered' : ''}>
    <button class=${one.hasStills ? 'take seen' : 'take'} aria-disabled=${canTake ? 'false' : 'true'} aria-busy=${isBusy ? 'true' : 'false'}
      onClick=${() => act(app, 'take', { request: one.request })}>
      <span class="hidden">${t('take')}</span> <span class="n">${n + 1}</span>
      ${one.hasStills && html`<${Still} app=${app} request=${one.request} name=${name} isOffered=${one.isOffered} />`}
      <span class="who">${who(one.caller, app)}${one.priority > 0 && html` <em>${t('priority')}</em>`}<small>${details(one)}</small></span>
      ${isBusy ? html`<span class="time"><span class="way">${t('onItsWay')}</span></span>` : html`<${Since} app=${app} since=${one.since} />`}
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

/**
 * How who waits looks, while it is in sight and sends a picture; its place where it sends none.
 * @param {{app: import('../app.js').App, request: string, name: string, isOffered: boolean}} props
 */
function Still({ app, request, name, isOffered }) {
  const [source, setSource] = useState('');
  const looks = useRef(/** @type {Looks | null} */ (null));
  const isUp = app.isUp.value;
  useEffect(() => {
    let isOver = false;
    const nothing = { source: '', tag: '', at: 0 };
    let shown = nothing;
    const show = (/** @type {typeof shown} */ next) => {
      if (shown.source) URL.revokeObjectURL(shown.source);
      shown = next;
      setSource(next.source);
    };
    const look = async () => {
      const isSeen = document.visibilityState === 'visible';
      try {
        const still = isSeen ? await api.still(request, shown.tag) : null;
        if (isOver) return false;
        if (still === 'same') shown.at = Date.now();
        else if (still) show({ source: URL.createObjectURL(still.picture), tag: still.tag, at: Date.now() });
        else if (shown.source) show(nothing);
        // Nobody knows what there is to see while nobody looks.
        return still !== null || !isSeen;
      } catch {
        // What the switchboard does not confirm is not there any more.
        if (!isOver && shown.source && Date.now() - shown.at > STILL_OLD) show(nothing);
        return shown.source !== '';
      }
    };
    const own = new Looks(look);
    looks.current = own;
    return () => {
      isOver = true;
      own.close();
      if (shown.source) URL.revokeObjectURL(shown.source);
    };
  }, [request]);
  useEffect(() => looks.current?.anew(), [isOffered, isUp]);
  return html`<span class="still">${source && html`<img src=${source} alt=${t('stillOf', { who: name })} />`}</span>`;
}
