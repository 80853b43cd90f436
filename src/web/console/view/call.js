// The call at the ear: who it is, who hears and sees the operator, and what can be done.
import { html } from '../vendor/preact.js';
import { action } from '../desk/actions.js';
import { act } from '../commands.js';
import { blocking, full, progressWord, sensesOf, situation, who } from '../sentences.js';
import { row, span, t } from '../words/words.js';
import { Key, Level, Picture, Since, Voice } from './parts.js';
import { HealthBars } from './health.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../desk/actions.js').Verb} Verb */

/** @param {{app: App}} props */
export function CallPanel({ app }) {
  const { model } = app;
  const { call } = model;
  void app.phone.value?.calls.value;
  const own = app.ownCall;
  return html`<section class="call" aria-labelledby="call-title">
    ${call
      ? html`<h2 id="call-title">${full(call.caller, app)} <span class="muted">${t('withYou')} <${Since} app=${app} since=${call.began} /></span>
          ${call.isRecording && html` <em class="recording">● ${t('recording')}</em>`}${call.isSerial && html` <em>${t('comesBack')}</em>`}</h2>`
      : html`<h2 id="call-title">${own ? callerOf(own, app) : partnersOf(app) || t('nobodyAtEar')}</h2>`}
    <${SensesLine} app=${app} />
    ${app.phone.value && html`<${Pictures} app=${app} phone=${app.phone.value} />`}
    ${app.phone.value?.ringing.value && html`<${Ringing} app=${app} phone=${app.phone.value} />`}
    ${call ? html`<${InCall} app=${app} call=${call} />` : own ? html`<${OwnCall} app=${app} />` : html`<${Free} app=${app} />`}
    <${Hands} app=${app} />
    ${call?.health && html`<${HealthBars} app=${app} call=${call} health=${call.health} />`}
  </section>`;
}

/** The most important line of the page. @param {{app: App}} props */
function SensesLine({ app }) {
  const senses = sensesOf(app.model, app);
  const phone = app.phone.value;
  const own = [
    phone?.isMuted.value && t('micMuted'), !phone?.isMuted.value && phone && app.meter.isSilent.value && t('micSilent'),
    phone?.isCameraOff.value && t('cameraIsOff'), phone && !phone.isCameraOff.value && isUnseen(app) && t('cameraGone'),
  ].filter(Boolean);
  return html`<div class="senses ${senses?.me ?? 'unknown'}" data-senses=${senses?.me ?? ''}>
    <p class="sentence">${senses?.text ?? ''}</p>
    ${own.length > 0 && html`<p class="own-trouble">${own.join(' · ')}</p>`}
  </div>`;
}

/** There is a way by which somebody sees the operator, and no camera at its beginning. @param {App} app */
function isUnseen(app) {
  return !app.devices.has('video') && app.model.isSeen;
}

/** @param {{app: App, phone: import('../phone/phone.js').Phone}} props */
function Pictures({ app, phone }) {
  const senses = sensesOf(app.model, app);
  const remote = phone.remote.value;
  const { call } = app.model;
  // What is shown while nobody is seen or heard is the switchboard's own picture.
  const label = senses?.names.join(', ') || (call && !call.senses ? who(call.caller, app) : '');
  const own = app.devices.stream.value;
  const isOff = phone.isCameraOff.value || !app.devices.has('video');
  return html`<div class="pictures">
    ${(call || remote) && html`<figure class="frame them ${senses?.them ?? ''}">
      ${remote?.hasPicture
        ? html`<${Picture} stream=${remote.stream} label=${t('pictureOf', { who: label })} />`
        : html`<p class="nothing">${t('noPicture')}</p>`}
      ${label && html`<figcaption>${label}</figcaption>`}
      <${Voice} stream=${remote?.stream ?? null} device=${app.devices.chosen.value.speaker} />
    </figure>`}
    <figure class="frame me ${senses?.me ?? ''}">
      ${isOff ? html`<p class="nothing">${t(phone.isCameraOff.value ? 'cameraIsOff' : 'noPicture')}</p>`
        : html`<${Picture} stream=${own} label=${t('ownPicture')} mirrored=${true} />`}
      <figcaption>${t('you')}</figcaption>
    </figure>
  <div class="mine" role="group" aria-label=${t('devices')}>
    <${Toggle} app=${app} name="mute" isOn=${phone.isMuted.value} text=${t(phone.isMuted.value ? 'unmute' : 'mute')} />
    <${Toggle} app=${app} name="camera" isOn=${phone.isCameraOff.value} text=${t(phone.isCameraOff.value ? 'camera_on' : 'camera_off')} />
    <${Level} app=${app} />
    ${call && html`<button class="plain" onClick=${() => { app.card.value = 'keypad'; }}>${t('keypad')}</button>`}
  </div></div>`;
}

/** @param {{app: App, name: string, isOn: boolean, text: string}} props */
function Toggle({ app, name, isOn, text }) {
  return html`<button class="toggle ${isOn ? 'on' : ''}" onClick=${() => act(app, name)}>${text} <${Key} app=${app} name=${name} /></button>`;
}

/** With whom the desk phone talks in calls of its own. @param {App} app */
function partnersOf(app) {
  return row([...app.model.direct.values()].map(({ partner }) => full(partner, app)));
}

/** @param {import('../sip/phone_call.js').PhoneCall} call @param {App} app */
function callerOf(call, app) {
  return call.caller.name || app.people.named(call.caller.number) || t('anonymous');
}

/** @param {{app: App}} props */
function OwnCall({ app }) {
  return html`<div class="buttons"><button class="grave" onClick=${() => act(app, 'hangup')}>${t('putDown')} <${Key} app=${app} name="hangup" /></button>
    <button class="plain" onClick=${() => { app.card.value = 'keypad'; }}>${t('keypad')}</button></div>`;
}

/** A call to this phone that nobody has answered for us. @param {{app: App, phone: import('../phone/phone.js').Phone}} props */
function Ringing({ app, phone }) {
  const call = phone.ringing.value;
  if (!call) return null;
  const name = callerOf(call, app);
  return html`<div class="ringing" role="group" aria-label=${t('callsYou', { who: name })}>
    <strong role="alert">${t('callsYou', { who: name })}</strong>
    <button class="main" onClick=${() => void phone.answer(call)}>${t('answer')}</button>
    <button onClick=${() => call.refuse(603, 'Decline')}>${t('refuse')}</button></div>`;
}

/** @param {{app: App}} props */
function Free({ app }) {
  const first = app.model.waiting[0];
  if (!first) return html`<p class="note big">${t('nothingWaits')}</p>`;
  return html`<div class="buttons"><${Command} app=${app} verb="take" text=${`${t('take')}: ${full(first.caller, app)}`} isMain=${true} /></div>`;
}

/** @param {{app: App, call: import('../desk/model.js').InHand}} props */
function InCall({ app, call }) {
  const left = Math.ceil((app.leavingUntil.value - app.now.value) / 1_000);
  const verdict = action(app.model, 'release', app.callsMax);
  const isGrey = verdict.why === 'notHealthy';
  return html`
    <p class="situation">${situation(call, app)} <span class="muted"><${Since} app=${app} since=${call.since} /></span></p>
    ${call.callee && call.phase === 'with-caller' && html`<p class="situation">${app.people.named(call.callee.number)} ${progressWord(call.callee)}</p>`}
    <div class="buttons" role="group" aria-label=${situation(call, app)}>
      <${Command} app=${app} verb="consult" />
      <${Command} app=${app} verb="alternate" />
      <${Command} app=${app} verb="connect" isMain=${['talking-to-callee', 'alternated'].includes(call.phase)} />
      <${Command} app=${app} verb="release" isMain=${call.phase === 'connected'} describedBy=${isGrey ? 'release-why' : undefined} />
      <${Command} app=${app} verb="cancel" text=${call.phase === 'ringing-you' ? t('cancel-ringing-you') : undefined} />
      <${Command} app=${app} verb="transfer" />
      <${Command} app=${app} verb="park" />
      <${Command} app=${app} verb="serial" isPressed=${call.isSerial} />
      <${Command} app=${app} verb="record" isPressed=${call.isRecording} />
      <${Command} app=${app} verb="hangup" isGrave=${true} />
    </div>
    ${left > 0 && html`<p class="waits">${t('releaseWaits')}: ${left} s</p>`}
    ${isGrey && html`<p class="why" id="release-why">${t('release')}: ${t('notHealthy', { what: blocking(call, app) })}
      <button class="plain" onClick=${() => act(app, 'force')}>${t('force')} … <${Key} app=${app} name="force" /></button></p>`}`;
}

/**
 * A command with its key; grey where it cannot be done, and then it says why.
 * @param {{app: App, verb: Verb, text?: string, isMain?: boolean, isGrave?: boolean, isPressed?: boolean, describedBy?: string}} props
 */
function Command({ app, verb, text, isMain, isGrave, isPressed, describedBy }) {
  const { can, isShown } = action(app.model, verb, app.callsMax);
  if (!isShown) return null;
  const isBusy = app.desk?.isPending(verb) ?? false;
  return html`<button class="${isMain ? 'main' : ''} ${isGrave ? 'grave' : ''}" data-verb=${verb} aria-disabled=${can ? 'false' : 'true'} aria-busy=${isBusy ? 'true' : 'false'}
    aria-pressed=${isPressed === undefined ? undefined : String(isPressed)} aria-describedby=${describedBy} onClick=${() => act(app, verb)}>
    ${isBusy ? t('sent', { what: text ?? t(verb) }) : text ?? t(verb)} <${Key} app=${app} name=${verb} /></button>`;
}

/** Other calls in hand, and those that are parked. @param {{app: App}} props */
function Hands({ app }) {
  const { held, parked } = app.model;
  if (held.length + parked.length === 0) return null;
  return html`<div class="hands">
    ${held.length > 0 && html`<h3>${t('hands')}</h3><ul>${held.map((call) => html`<li key=${call.request}>
      <span class="who">${situation(call, app)}</span> <span class="time">${span(app.serverNow() - call.since)}</span>
      <button onClick=${() => act(app, 'swap', { request: call.request })}>${t('swap')} <${Key} app=${app} name="swap" /></button></li>`)}</ul>`}
    ${parked.length > 0 && html`<h3>${t('parked')}</h3><ul>${parked.map((call) => html`<li key=${call.request}>
      <span class="who">${full(call.caller, app)}<small>${call.wanted && `${t('wanted', { number: app.people.named(call.wanted) })} · `}${t('parkedBy', { by: call.by })}</small></span>
      <span class="time">${span(app.serverNow() - call.since)}</span>
      <button onClick=${() => act(app, 'pick', { request: call.request })}>${t('pick')} <${Key} app=${app} name="pick" /></button></li>`)}</ul>`}
  </div>`;
}
