// Who waits. Only the rows that are seen are in the page, so that five hundred scroll as easily as five.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../vendor/preact.js';
import { action } from '../desk/actions.js';
import { act } from '../commands.js';
import { api } from '../api.js';
import { full, who } from '../sentences.js';
import { has, span, t } from '../words/words.js';

/** Rows above and below what is seen. */
const MORE = 4;
/** Between two looks at one caller, in ms: the switchboard makes no more stills. */
const STILL_EACH = 2_000;
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
    <button class=${one.hasStills ? 'take seen' : 'take'} aria-disabled=${canTake ? 'false' : 'true'} aria-busy=${isBusy ? 'true' : 'false'}
      onClick=${() => act(app, 'take', { request: one.request })}>
      <span class="hidden">${t('take')}</span> <span class="n">${n + 1}</span>
      ${one.hasStills && html`<${Still} request=${one.request} name=${name} />`}
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

/** What is asked for goes out one by one, so that a page has one request before the switchboard, whoever waits. */
let line = Promise.resolve();

/** @template T @param {() => Promise<T>} ask @returns {Promise<T>} */
function inTurn(ask) {
  const answer = line.then(ask);
  line = answer.then(() => {}, () => {});
  return answer;
}

/**
 * How who waits looks, while it is in sight and sends a picture; its place where it sends none.
 * @param {{request: string, name: string}} props
 */
function Still({ request, name }) {
  const [source, setSource] = useState('');
  useEffect(() => {
    let isOver = false;
    let shown = { source: '', tag: '', at: 0 };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const show = (/** @type {typeof shown} */ next) => {
      if (shown.source) URL.revokeObjectURL(shown.source);
      shown = next;
      setSource(next.source);
    };
    const nothing = { source: '', tag: '', at: 0 };
    const look = async () => {
      try {
        const isSeen = !isOver && document.visibilityState === 'visible';
        const still = isSeen ? await api.still(request, shown.tag) : null;
        if (isOver) return;
        if (still === 'same') shown.at = Date.now();
        else if (still) show({ source: URL.createObjectURL(still.picture), tag: still.tag, at: Date.now() });
        else if (shown.source) show(nothing);
      } catch {
        // What the switchboard does not confirm is not there any more.
        if (!isOver && shown.source && Date.now() - shown.at > STILL_OLD) show(nothing);
      }
    };
    const next = () => {
      if (!isOver) timer = setTimeout(() => inTurn(look).then(next), STILL_EACH);
    };
    void inTurn(look).then(next);
    return () => {
      isOver = true;
      clearTimeout(timer);
      if (shown.source) URL.revokeObjectURL(shown.source);
    };
  }, [request]);
  return html`<span class="still">${source && html`<img src=${source} alt=${t('stillOf', { who: name })} />`}</span>`;
}
