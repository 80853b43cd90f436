// What keys and buttons do: each command shows that it is on its way, and its refusal in words.
import { action, otherParty } from './desk/actions.js';
import { meaning } from './desk/keys.js';
import { blocking } from './sentences.js';
import { t } from './words/words.js';

/** @typedef {import('./app.js').App} App */

/** The switchboard waits for so long for sound and picture before it refuses a release, in ms. */
const RELEASE_MAX = 5_000;

/**
 * Gives a command and says what came of it.
 * @param {App} app @param {string} verb @param {Record<string, unknown>} fields @returns {Promise<boolean>}
 */
export async function give(app, verb, fields = {}) {
  if (!app.desk || app.desk.isPending(verb, String(fields.request ?? ''))) return false;
  const result = await app.desk.command(verb, fields);
  if (!result.ok) app.say(app.refusal(result), true);
  return result.ok;
}

/** With the request of the call that it is for. @param {App} app @param {string} verb @param {Record<string, unknown>} fields */
function giveCall(app, verb, fields = {}) {
  const request = app.desk?.model.current?.request;
  return give(app, verb, request ? { ...fields, request } : fields);
}

/** Whether it can be done now; if not, that is said. @param {App} app @param {import('./desk/actions.js').Verb} verb */
function may(app, verb) {
  const model = app.desk?.model ?? app.empty;
  const { can, why } = action(model, verb, app.callsMax);
  if (!can) app.say(t(why, { what: model.call ? blocking(model.call, app) : '' }), true);
  return can;
}

/**
 * @param {App} app @param {string} name
 * @param {{place?: number | undefined, request?: string, number?: string}} what
 */
export function act(app, name, { place, request, number } = {}) {
  switch (name) {
    case 'take':
    case 'decline':
      return takeOrLeave(app, name, place, request);
    case 'consult':
    case 'transfer':
      if (!may(app, name)) return;
      if (number) void giveCall(app, name, { number });
      else openSearch(app, name);
      return;
    case 'park':
      if (may(app, 'park')) void giveCall(app, 'park', number ? { number } : {});
      return;
    case 'parkFor':
      if (may(app, 'park')) openSearch(app, 'park');
      return;
    case 'find':
      openSearch(app, '');
      return;
    case 'alternate':
      if (may(app, 'alternate')) void giveCall(app, 'alternate', { party: otherParty(app.desk?.model ?? app.empty) });
      return;
    case 'release':
      return release(app);
    case 'force':
      return force(app);
    case 'hangup':
      if (putDown(app)) return;
      if (may(app, 'hangup')) app.question.value = { text: t('askHangup'), yes: () => void giveCall(app, 'hangup') };
      return;
    case 'connect':
    case 'cancel':
      if (may(app, name)) void giveCall(app, name);
      return;
    case 'swap':
      if (may(app, 'swap')) void give(app, 'swap', request ? { request } : {});
      return;
    case 'pick': {
      const parked = app.desk?.model.parked;
      if (may(app, 'pick')) void give(app, 'pick', { request: request ?? parked?.[(place ?? 1) - 1]?.request });
      return;
    }
    case 'serial':
      if (may(app, 'serial')) void giveCall(app, 'serial', { on: !app.desk?.model.call?.isSerial });
      return;
    case 'record':
      if (may(app, 'record')) void giveCall(app, 'record', { on: !app.desk?.model.call?.isRecording });
      return;
    case 'dnd':
    case 'ready':
      void give(app, name);
      return;
    default:
      actHere(app, name);
  }
}

/** Ends a call of this page's phone that no desk has to do with; whether there is one. @param {App} app */
function putDown(app) {
  const own = app.ownCall;
  if (!own) return false;
  app.question.value = { text: t('askPutDown'), yes: () => own.hangUp() };
  return true;
}

/** What needs no switchboard. @param {App} app @param {string} name */
function actHere(app, name) {
  const phone = app.phone.value;
  switch (name) {
    case 'mute':
      if (!phone) return;
      phone.mute(!phone.isMuted.value);
      app.say(t(phone.isMuted.value ? 'muted' : 'unmuted'));
      return;
    case 'camera':
      if (!phone) return;
      phone.turnCameraOff(!phone.isCameraOff.value);
      app.say(t(phone.isCameraOff.value ? 'cameraOff' : 'cameraOn'));
      return;
    case 'help':
      app.card.value = app.card.value === 'help' ? '' : 'help';
      return;
    case 'logout': {
      const inCall = app.desk?.model.current;
      app.question.value = { text: t(inCall ? 'askLogoutCall' : 'askLogout'), yes: () => void app.logOut() };
      return;
    }
    default:
  }
}

/** @param {App} app @param {'take' | 'decline'} verb @param {number | undefined} place @param {string | undefined} request */
function takeOrLeave(app, verb, place, request) {
  if (!may(app, verb)) return;
  const { waiting } = app.desk?.model ?? app.empty;
  const offered = waiting.find(({ isOffered }) => isOffered);
  const chosen = request ?? (place ? waiting[place - 1] : verb === 'decline' ? offered : waiting[0])?.request;
  if (chosen && verb === 'decline') void leave(app, chosen);
  else if (chosen) void give(app, verb, { request: chosen });
  else app.say(t('noPlace', { n: place ?? 1 }), true);
}

/** @param {App} app @param {string} request */
async function leave(app, request) {
  if (!(await give(app, 'decline', { request }))) return;
  // The switchboard tells when it offers it again, and nothing before.
  app.desk?.model.leave(request);
  app.changed();
}

/** @param {App} app @param {'' | 'consult' | 'transfer' | 'park'} purpose */
function openSearch(app, purpose) {
  app.search.value = purpose;
  // At once: the next letter is typed there, and is no command.
  const input = document.getElementById('search');
  if (!(input instanceof HTMLInputElement)) return;
  input.focus();
  input.select();
}

/** @param {App} app */
async function release(app) {
  if (!may(app, 'release')) return;
  app.leavingUntil.value = Date.now() + RELEASE_MAX;
  await giveCall(app, 'release');
  app.leavingUntil.value = 0;
}

/** It is asked once more: the others hear of it, and it cannot be undone. @param {App} app */
function force(app) {
  const { call } = app.desk?.model ?? app.empty;
  const verdict = action(app.desk?.model ?? app.empty, 'release', app.callsMax);
  if (!call || (!verdict.can && verdict.why !== 'notHealthy' && call.phase !== 'releasing')) {
    app.say(t(verdict.why || 'notNow'), true);
    return;
  }
  const what = blocking(call, app);
  app.question.value = { text: what ? t('askForce', { what }) : `${t('force')}?`, yes: () => void giveCall(app, 'release', { force: true }) };
}

/** Whether the focus is where people type or choose. @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** What is asked is answered by a key, where letters are keys. @param {App} app @param {KeyboardEvent} press */
export function answer(app, press) {
  const question = app.question.value;
  if (!question || press.repeat || press.ctrlKey || press.altKey || press.metaKey || app.keys.value !== 'letters') return;
  if (!/^[yjn]$/i.test(press.key)) return;
  press.preventDefault();
  app.question.value = null;
  if (!/n/i.test(press.key)) question.yes();
}

/** @param {App} app @param {KeyboardEvent} press */
export function pressed(app, press) {
  // What a card has made use of is no command of the page behind it.
  if (app.stage.value !== 'work' || app.isLoginWanted.value || press.defaultPrevented) return;
  // Who types quickly answers before the question is drawn.
  if (app.question.value) {
    answer(app, press);
    return;
  }
  // Each card has its own keys.
  if (app.card.value && press.key !== '?') return;
  const found = meaning(press, app.keys.value, isTyping(press.target));
  if (!found) return;
  press.preventDefault();
  act(app, found.name, { place: found.place });
}
