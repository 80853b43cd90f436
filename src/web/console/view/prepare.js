// Before work: which phone, which devices, and one press that unlocks sound and asks for notifications.
import { html, useEffect, useRef, useState } from '../vendor/preact.js';
import { canChooseSpeaker } from '../phone/devices.js';
import { t } from '../words/words.js';
import { Language } from './cards.js';
import { Choice, Level, Picture } from './parts.js';

/** @param {{app: import('../app.js').App}} props */
export function Prepare({ app }) {
  const [isBusy, setBusy] = useState(false);
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  const session = app.session.value;
  const { phone, number } = app.work.value;
  const isBrowser = phone === 'browser';
  // The form before this is gone, and the focus with it.
  useEffect(() => heading.current?.focus(), []);
  useEffect(() => {
    // Who has logged in here has pressed something: the level can be seen at once. After F5 it is after the first press.
    app.ring.unlock();
  }, []);
  useEffect(() => {
    if (isBrowser) void app.devices.open();
    else app.devices.close();
    void app.devices.look();
  }, [isBrowser]);
  if (!session) return null;
  const numbers = session.phones.length > 0 ? session.phones : [session.phone];
  const chosen = numbers.includes(number) ? number : session.phone;
  const start = async () => {
    if (isBusy) return;
    setBusy(true);
    if (typeof Notification !== 'undefined' && Notification.permission === 'default') void Notification.requestPermission().catch(() => {});
    await app.startWork();
    setBusy(false);
  };
  const kind = (/** @type {'browser' | 'desk'} */ value, /** @type {string} */ name) => html`<label class="option">
    <input type="radio" name="phone" value=${value} checked=${phone === value}
      onChange=${() => { app.work.value = { phone: value, number: chosen }; }} />
    <span><strong>${t(name)}</strong><small>${t(`${name}Note`)}</small></span></label>`;
  return html`<main class="sheet wide">
    <h1 ref=${heading} tabindex="-1">${t('hello', { operator: session.operator })}</h1>
    <p class="trouble" role="alert">${app.prepareTrouble.value}</p>
    <fieldset><legend>${t('yourPhone')}</legend>
      <div class="options">${kind('browser', 'thisBrowser')}${kind('desk', 'deskPhone')}</div>
      ${numbers.length > 1 && html`<${Choice} label=${t('number')} value=${chosen} options=${numbers.map((value) => ({ value, text: value }))}
        onChoose=${(/** @type {string} */ value) => { app.work.value = { phone, number: value }; }} />`}
    </fieldset>
    <${DeviceChoice} app=${app} isBrowser=${isBrowser} />
    <div class="start">
      <button class="main" onClick=${start} aria-disabled=${isBusy ? 'true' : 'false'}>${t(isBusy ? 'starting' : 'startWork')}</button>
      <p class="note">${t('startNote')}</p>
    </div>
    <div class="row"><${Language} /><button class="plain" onClick=${() => void app.logOut()}>${t('logOut')}</button></div>
  </main>`;
}

/** @param {{app: import('../app.js').App, isBrowser: boolean}} props */
export function DeviceChoice({ app, isBrowser }) {
  const { devices } = app;
  const wake = () => {
    const context = app.ring.unlock();
    app.meter.watch(context, devices.stream.value);
  };
  const choose = (/** @type {import('../phone/devices.js').Role} */ role) => async (/** @type {string} */ id) => {
    devices.choose(role, id);
    if (role === 'ringer') app.ring.use(id);
    if (role === 'speaker' || role === 'ringer') return;
    await (app.phone.value ? app.phone.value.reopen() : devices.open());
    wake();
  };
  const options = (/** @type {import('../phone/devices.js').Role} */ role) => [
    { value: '', text: t('byDefault') },
    ...devices.of(role).filter(({ deviceId }) => deviceId !== 'default').map(({ deviceId, label }, n) => ({ value: deviceId, text: label || `${n + 1}` })),
    ...(role === 'camera' ? [{ value: 'none', text: t('noCameraWanted') }] : []),
  ];
  const field = (/** @type {import('../phone/devices.js').Role} */ role) => html`<${Choice} label=${t(role)}
    value=${devices.chosen.value[role]} options=${options(role)} onChoose=${choose(role)} />`;
  const trouble = isBrowser ? devices.trouble.value : '';
  return html`<fieldset><legend>${t('devices')}</legend>
    ${trouble && html`<p class="trouble" role="alert">${t(trouble)} <button class="plain" onClick=${choose('microphone').bind(null, devices.chosen.value.microphone)}>${t('tryAgain')}</button></p>`}
    <div class="devices">
      <div>
        ${isBrowser && html`${field('microphone')}
          <${Level} app=${app} />
          ${app.meter.isSilent.value && html`<p class="trouble">${t('micSilent')}</p>`}
          ${field('camera')}`}
        ${canChooseSpeaker && html`${isBrowser && field('speaker')}${field('ringer')}`}
        <button class="plain" onClick=${() => { wake(); app.ring.once(); }}>${t('testRing')}</button>
        ${isBrowser && html`<label class="check"><input type="checkbox" checked=${devices.isCleaned.value}
          onChange=${(/** @type {Event} */ event) => { devices.clean(/** @type {HTMLInputElement} */ (event.target).checked); void choose('microphone')(devices.chosen.value.microphone); }} />
          ${t('cleaned')}</label>`}
      </div>
      ${isBrowser && html`<div class="preview frame">
        ${devices.stream.value?.getVideoTracks().length
          ? html`<${Picture} stream=${devices.stream.value} label=${t('ownPicture')} mirrored=${true} />`
          : html`<p>${t('noPicture')}</p>`}</div>`}
    </div></fieldset>`;
}
