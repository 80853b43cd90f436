// The page: one of its stages.
import { html } from '../vendor/preact.js';
import { t } from '../words/words.js';
import { CallPanel } from './call.js';
import { Cards } from './cards.js';
import { Directory } from './directory.js';
import { Heading } from './heading.js';
import { Login } from './login.js';
import { Memory } from './memory.js';
import { Prepare } from './prepare.js';
import { WaitingList } from './waiting.js';

/** What was said is bright for so long, in ms. */
const FRESH = 12_000;

/** @param {{app: import('../app.js').App}} props */
export function Root({ app }) {
  switch (app.stage.value) {
    case 'login':
      return html`<${Login} app=${app} />`;
    case 'prepare':
      return html`<${Prepare} app=${app} />`;
    case 'work':
      return html`<${Work} app=${app} />`;
    case 'evicted':
      return html`<main class="sheet"><div role="alert"><h1>${t('evicted', { operator: app.session.value?.operator ?? '' })}</h1></div>
        <p>${t('evictedNote')}</p>
        <button class="main" onClick=${() => void app.startWork()}>${t('workHere')}</button></main>`;
    case 'loading':
      return app.isAwaited.value ? html`<main class="sheet"><h1>${t('title')}</h1><p role="status">${t('awaited')}</p></main>` : null;
  }
}

/** @param {{app: import('../app.js').App}} props */
function Work({ app }) {
  const { text, isTrouble, at } = app.said.value;
  const isFresh = app.now.value - at < FRESH;
  return html`<div class="desk">
    <${Heading} app=${app} />
    <main><${WaitingList} app=${app} /><${CallPanel} app=${app} />
      <div class="side"><${Directory} app=${app} /><${Memory} app=${app} /></div></main>
    <footer>
      ${app.sessionEnd.value && html`<p class="trouble">${app.sessionText()}
        <button class="plain" onClick=${() => { app.isLoginWanted.value = true; }}>${t('logInAgain')}</button></p>`}
      ${app.isSoundLocked.value && html`<p class="trouble">${t('soundLocked')}</p>`}
      <p class="said ${isTrouble ? 'trouble' : ''} ${isFresh ? '' : 'old'}" role="status" aria-live="polite" aria-label=${t('live')}><span key=${at}>${text}</span></p>
    </footer>
    <${Cards} app=${app} />
  </div>`;
}
