// Whom one may call: a search, favourites, and how each stands. Consult is: type, arrows, Enter.
import { html, useEffect, useRef, useState } from '../vendor/preact.js';
import { act } from '../commands.js';
import { has, t } from '../words/words.js';
import { Key, Missing } from './parts.js';

/** From the last letter to the question, in ms. */
const PAUSE = 150;
/** @type {Record<string, string>} */
const SIGNS = { free: '●', ringing: '◔', talking: '◐', away: '○' };
/** What looks like a number is one: Enter calls it without a choice. */
const NUMBER = /^[+*#0-9][*#0-9 ]*$|@/;

/** @param {{app: import('../app.js').App}} props */
export function Directory({ app }) {
  const { people } = app;
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState('');
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const latest = useRef('');
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const entries = people.entries(typed);
  const isFound = people.found.value?.text === typed.trim();
  const first = typed && isFound && !NUMBER.test(typed.trim()) && entries.length > 0 ? 0 : -1;
  // By its number: what is found meanwhile may stand in its place.
  const place = chosen ? entries.findIndex(({ number }) => number === chosen) : -1;
  const at = place >= 0 ? place : first;
  const type = (/** @type {string} */ text) => {
    latest.current = text;
    setTyped(text);
    setChosen('');
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void people.find(text.trim()), text ? PAUSE : 0);
  };
  const clear = () => {
    type('');
    app.search.value = '';
  };
  const call = (/** @type {string} */ number) => {
    const verb = app.search.value || 'consult';
    if (verb !== 'park' && app.model.call?.phase !== 'with-caller') {
      act(app, verb);
      return;
    }
    act(app, verb, { number });
    clear();
    // Back to where the keys are commands, since the command was given here.
    input.current?.blur();
  };
  /** Who is meant: the chosen one, a number as it is typed, else the first that is found. */
  const enter = async () => {
    const text = typed.trim();
    const number = entries[at]?.number;
    if (number || !text || isFound || NUMBER.test(text)) {
      if (number || text) call(number ?? text.replaceAll(' ', ''));
      return;
    }
    clearTimeout(timer.current);
    await people.find(text);
    // Who has typed on means somebody else.
    if (latest.current.trim() !== text || people.found.peek()?.text !== text) return;
    call(people.entries(text)[0]?.number ?? text.replaceAll(' ', ''));
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step && entries.length > 0) {
      event.preventDefault();
      const next = at < 0 && step < 0 ? entries.length - 1 : (at + step + entries.length) % entries.length;
      setChosen(entries[next]?.number ?? '');
    } else if (event.key === 'Enter') {
      event.preventDefault();
      void enter();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      clear();
      input.current?.blur();
    }
  };
  const label = t({ consult: 'searchConsult', transfer: 'searchTransfer', park: 'searchPark', '': 'search' }[app.search.value]);
  const note = typed
    ? isFound ? (entries.length === 0 ? t('nobodyFound') : people.found.value?.more ? t('more') : '') : ''
    : entries.length === 0 && people.loaded.value.favourites === 'there' ? t('noFavourites') : '';
  return html`<section class="directory" aria-labelledby="directory-title">
    <h2 id="directory-title">${typed ? t('directory') : t('favourites')}</h2>
    <label class="search"><span>${label} <${Key} app=${app} name="find" /></span>
      <input ref=${input} id="search" type="text" role="combobox" aria-expanded=${entries.length > 0 ? 'true' : 'false'} aria-controls="found" aria-haspopup="grid" aria-autocomplete="list"
        aria-activedescendant=${at >= 0 ? `found-${at}` : undefined} autocomplete="off" spellcheck=${false} maxlength="64" value=${typed}
        onInput=${(/** @type {Event} */ event) => type(/** @type {HTMLInputElement} */ (event.target).value)} onKeyDown=${press} /></label>
    ${note && html`<p class="note">${note}</p>`}
    ${!typed && html`<${Missing} app=${app} list="favourites" />`}
    <div id="found" role="grid" aria-label=${typed ? t('directory') : t('favourites')} class="entries">
      ${entries.map((entry, n) => html`<${Row} key=${entry.number} app=${app} entry=${entry} id=${`found-${n}`} isChosen=${n === at} onCall=${call} />`)}
    </div>
  </section>`;
}

/** @param {{app: import('../app.js').App, entry: import('../people.js').Entry, id: string, isChosen: boolean, onCall: (number: string) => void}} props */
function Row({ app, entry, id, isChosen, onCall }) {
  const row = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (isChosen) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isChosen]);
  const isFavourite = app.people.favourites.value.includes(entry.number);
  const state = has(`st-${entry.state}`) ? t(`st-${entry.state}`) : '';
  const name = entry.name || entry.number;
  return html`<div role="row" ref=${row} id=${id} class="entry ${isChosen ? 'chosen' : ''}" aria-selected=${isChosen ? 'true' : 'false'}>
    <div role="gridcell" class="cell"><button class="who" onClick=${() => onCall(entry.number)}>
      <span class="sign ${entry.state}" aria-hidden="true">${SIGNS[entry.state] ?? ''}</span>
      <span class="name">${name}</span> <span class="number">${entry.name ? entry.number : ''}</span> <span class="st">${state}</span></button></div>
    <div role="gridcell"><button class="star" aria-pressed=${isFavourite ? 'true' : 'false'} aria-label=${t(isFavourite ? 'removeFavourite' : 'addFavourite', { who: name })}
      onClick=${() => void app.people.toggle(entry.number)}>${isFavourite ? '★' : '☆'}</button></div></div>`;
}
