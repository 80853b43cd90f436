// Cards over the page: keys, settings, a keypad, and what is asked before it is done.
import { html, useRef, useState } from '../vendor/preact.js';
import { answer } from '../commands.js';
import { FUNCTIONS, LETTERS } from '../desk/keys.js';
import { remember } from '../store.js';
import { LANGUAGES, language, speak, t } from '../words/words.js';
import { DeviceChoice } from './prepare.js';
import { Card, Choice } from './parts.js';

/** @param {{app: import('../app.js').App}} props */
export function Cards({ app }) {
  const close = () => { app.card.value = ''; };
  if (app.isLoginWanted.value) return html`<${LoginAgain} app=${app} />`;
  if (app.question.value) return html`<${Question} app=${app} />`;
  switch (app.card.value) {
    case 'help':
      return html`<${Help} app=${app} onClose=${close} />`;
    case 'settings':
      return html`<${Settings} app=${app} onClose=${close} />`;
    case 'keypad':
      return html`<${Keypad} app=${app} onClose=${close} />`;
    default:
      return null;
  }
}

export function Language() {
  return html`<${Choice} label=${t('language')} value=${language.value} options=${Object.entries(LANGUAGES).map(([value, text]) => ({ value, text }))}
    onChoose=${(/** @type {string} */ tag) => void speak(tag)} />`;
}

/** The same operator, over the page, while the call goes on. @param {{app: import('../app.js').App}} props */
function LoginAgain({ app }) {
  const [isBusy, setBusy] = useState(false);
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));
  const close = () => {
    app.isLoginWanted.value = false;
    app.loginTrouble.value = '';
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy || !secret.current) return;
    setBusy(true);
    await app.logInAgain(secret.current.value);
    setBusy(false);
    secret.current?.select();
  };
  return html`<${Card} title=${t('logInAgain')} onClose=${close}>
    <p>${app.sessionText()}</p>
    <form class="again" onSubmit=${submit}>
      <label class="field"><span>${t('operator')}</span>
        <input autocomplete="username" readonly value=${app.session.value?.operator ?? ''} /></label>
      <label class="field"><span>${t('password')}</span>
        <input ref=${secret} type="password" autocomplete="current-password" required maxlength="256" autofocus /></label>
      <p class="trouble" role="alert">${app.loginTrouble.value}</p>
      <div class="row"><button class="main" aria-disabled=${isBusy ? 'true' : 'false'}>${t(isBusy ? 'loggingIn' : 'logIn')}</button>
        <button type="button" onClick=${close}>${t('close')}</button></div>
    </form><//>`;
}

/** @param {{app: import('../app.js').App}} props */
function Question({ app }) {
  const question = app.question.value;
  if (!question) return null;
  const close = () => { app.question.value = null; };
  const hasKeys = app.keys.value === 'letters';
  const yes = () => {
    close();
    question.yes();
  };
  return html`<${Card} title=${question.text} onClose=${close} onKey=${(/** @type {KeyboardEvent} */ event) => answer(app, event)}>
    <div class="row"><button autofocus onClick=${close}>${t('no')} ${hasKeys && html`<kbd aria-hidden="true">n</kbd>`}</button>
    <button class="grave" onClick=${yes}>${t('yes')} ${hasKeys && html`<kbd aria-hidden="true">${t('yesKey')}</kbd>`}</button></div><//>`;
}

/** @param {{app: import('../app.js').App, onClose: () => void}} props */
function Help({ app, onClose }) {
  const table = app.keys.value === 'functions' ? FUNCTIONS : LETTERS;
  const several = ['swap', 'park', 'parkFor', 'pick', 'serial'];
  const rows = Object.entries(table).filter(([key, name]) => key !== 'f' && (app.callsMax > 1 || !several.includes(name)));
  const word = (/** @type {string} */ name) => t({ mute: 'mute_key', camera: 'camera_key', take: 'takeFirst', help: 'help', logout: 'logOut' }[name] ?? name);
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === '?' || event.key === 'F1') {
      event.preventDefault();
      onClose();
    }
  };
  return html`<${Card} title=${t('keysOf')} onClose=${onClose} onKey=${press}>
    <dl class="keys">${app.keys.value === 'letters' && html`<div><dt><kbd>1</kbd> … <kbd>9</kbd></dt><dd>${t('place')}</dd></div>`}
      ${app.keys.value !== 'off' && rows.map(([key, name]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${word(name)}</dd></div>`)}</dl>
    <p class="note">${t('keysNote')}</p>
    <div class="row"><button class="main" autofocus onClick=${onClose}>${t('close')}</button></div><//>`;
}

/** @param {{app: import('../app.js').App, onClose: () => void}} props */
function Settings({ app, onClose }) {
  return html`<${Card} title=${t('settings')} onClose=${onClose}>
    <${Language} />
    <${Choice} label=${t('keys')} value=${app.keys.value} options=${['letters', 'functions', 'off'].map((value) => ({ value, text: t(`keys-${value}`) }))}
      onChoose=${(/** @type {import('../desk/keys.js').KeySet} */ value) => { app.keys.value = value; remember('keys', value); }} />
    <p class="note">${t('keysNote')}</p>
    <${DeviceChoice} app=${app} isBrowser=${app.phone.value !== null} />
    <div class="row"><button class="main" onClick=${onClose}>${t('done')}</button></div><//>`;
}

/** @param {{app: import('../app.js').App, onClose: () => void}} props */
function Keypad({ app, onClose }) {
  const send = (/** @type {string} */ key) => app.phone.value?.sendKey(key);
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (/^[0-9*#]$/.test(event.key) && !event.repeat) send(event.key);
  };
  return html`<${Card} title=${t('keypad')} onClose=${onClose} onKey=${press}>
    <div class="pad">${[...'123456789*0#'].map((key) => html`<button onClick=${() => send(key)}>${key}</button>`)}</div>
    <div class="row"><button class="main" onClick=${onClose}>${t('close')}</button></div><//>`;
}
