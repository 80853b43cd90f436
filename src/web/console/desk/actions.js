// What can be done now, and why not. Pure. The switchboard judges in the end; this is for buttons and keys.

/**
 * @typedef {import('./model.js').DeskModel} DeskModel
 * @typedef {{can: boolean, isShown: boolean, why: string}} Action `why` is the name of a sentence in words/
 * @typedef {'take' | 'decline' | 'consult' | 'alternate' | 'connect' | 'release' | 'cancel' | 'hangup' | 'transfer' | 'park'
 *   | 'swap' | 'serial' | 'record' | 'pick'} Verb
 */

/** In which phases of the call at the ear each is possible. @type {Partial<Record<Verb, string[]>>} */
const PHASES = {
  consult: ['with-caller'],
  transfer: ['with-caller'],
  alternate: ['talking-to-callee', 'alternated', 'connected'],
  connect: ['talking-to-callee', 'alternated'],
  release: ['talking-to-callee', 'alternated', 'connected'],
  cancel: ['ringing-you', 'consulting', 'talking-to-callee', 'alternated'],
  hangup: ['ringing-you', 'with-caller', 'consulting', 'talking-to-callee', 'alternated', 'connected'],
  record: ['with-caller', 'consulting', 'talking-to-callee', 'alternated', 'connected'],
  park: ['with-caller'],
  serial: ['with-caller', 'consulting', 'talking-to-callee', 'alternated', 'connected'],
};

/** Those of operators with several calls. */
const SEVERAL = new Set(['park', 'swap', 'serial', 'pick']);

/**
 * @param {DeskModel} model @param {Verb} verb @param {number} callsMax how many calls this operator may have in hand
 * @returns {Action}
 */
export function action(model, verb, callsMax) {
  const isShown = !SEVERAL.has(verb) || callsMax > 1;
  const no = (/** @type {string} */ why) => ({ can: false, isShown, why });
  if (!model.state) return no('noSwitchboard');
  if (!isShown) return no('oneCall');
  if (verb === 'take' || verb === 'decline') return takes(model, verb, callsMax, no);
  if (verb === 'pick') return model.parked.length > 0 ? yes : no('nobodyParked');
  if (verb === 'swap') return model.held.length > 0 ? yes : no('nobodyHeld');
  const { call } = model;
  if (verb === 'cancel' && !call && model.held.some(({ phase }) => phase === 'handing-over')) return yes;
  if (!call) return { ...no('noCall'), isShown: false };
  const phases = PHASES[verb] ?? [];
  if (!phases.includes(call.phase)) return { ...no('notNow'), isShown: isShown && verb !== 'record' };
  if (verb === 'release' && call.health && !call.health.isOk && call.phase === 'connected') return no('notHealthy');
  return { can: true, isShown, why: '' };
}

/** @type {Action} */
const yes = { can: true, isShown: true, why: '' };

/** @param {DeskModel} model @param {Verb} verb @param {number} callsMax @param {(why: string) => Action} no */
function takes(model, verb, callsMax, no) {
  if (model.waiting.length === 0) return no('nobodyWaits');
  if (verb === 'decline') return model.waiting.some(({ isOffered }) => isOffered) ? yes : no('notOffered');
  const inHand = model.held.length + (model.call ? 1 : 0);
  return inHand < callsMax ? yes : no('inACall');
}

/** To whom one talks next: the other one. @param {DeskModel} model */
export function otherParty(model) {
  return model.call?.phase === 'alternated' ? 'callee' : 'caller';
}
