// Who works here, how the desk stands, how many wait.
import { html } from '../vendor/preact.js';
import { act } from '../commands.js';
import { stateWord } from '../app.js';
import { has, span, t } from '../words/words.js';
import { Key } from './parts.js';

/** @param {{app: import('../app.js').App}} props */
export function Heading({ app }) {
  const { model } = app;
  const isHere = app.phone.value !== null;
  const number = model.phone || app.work.value.number;
  const phone = `${t(isHere ? 'thisBrowser' : 'deskPhone')} ${number}`;
  const trouble = model.phoneState && model.phoneState !== 'ok' && has(`phone-${model.phoneState}`) ? t(`phone-${model.phoneState}`) : '';
  return html`<header class="heading">
    <h1><span class="operator">${model.operator || app.session.value?.operator}</span>
      <span class="phone">${phone}${trouble && html` <em class="bad">${trouble}</em>`}</span></h1>
    <${OwnState} app=${app} />
    <${Queue} app=${app} />
    <div class="tools">
      <button class="plain" onClick=${() => { app.card.value = 'settings'; }}>${t('settings')}</button>
      <button class="plain" onClick=${() => act(app, 'help')}>${t('help')} <${Key} app=${app} name="help" /></button>
      <button class="plain" onClick=${() => act(app, 'logout')}>${t('logOut')}</button>
    </div>
  </header>`;
}

/** @param {{app: import('../app.js').App}} props */
function OwnState({ app }) {
  const { model } = app;
  const word = stateWord(model);
  const isBusy = app.desk?.isPending('dnd') || app.desk?.isPending('ready');
  const half = (/** @type {string} */ verb, /** @type {string} */ name, /** @type {boolean} */ isOn) => html`<button
    aria-pressed=${isOn ? 'true' : 'false'} aria-busy=${isBusy ? 'true' : 'false'} aria-disabled=${model.state ? 'false' : 'true'} onClick=${() => act(app, verb)}>${t(name)}</button>`;
  return html`<div class="own ${word}">
    <strong class="word">${t(word)}</strong>
    <div class="halves" role="group" aria-label=${t('state')}>${half('ready', 'ready', !model.isDnd && model.state !== '')}${half('dnd', 'dnd', model.isDnd)}</div>
  </div>`;
}

/** @param {{app: import('../app.js').App}} props */
function Queue({ app }) {
  const { model } = app;
  const n = model.waiting.length;
  const oldest = model.waiting.reduce((first, { since }) => Math.min(first, since), Number.POSITIVE_INFINITY);
  return html`<p class="queue ${model.isWanted ? 'wanted' : ''}">
    <strong>${n > 0 ? t('waitingCount', { n }) : t('nobodyWaiting')}</strong>
    ${n > 0 && html` <span>${t('longest', { time: span(app.serverNow() - oldest) })}</span>`}
    ${model.nights.size > 0 && html` <span>${t('night', { queues: [...model.nights].join(', ') })}</span>`}
  </p>`;
}
