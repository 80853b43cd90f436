// Sentences of the call: who talks to whom, who hears and sees whom, what a release waits for.
import { apart, has, row, t } from './words/words.js';

/**
 * @typedef {import('./app.js').App} App
 * @typedef {import('./desk/model.js').InHand} InHand
 * @typedef {import('./desk/model.js').Person} Person
 */

/** A person in one word: the name, else the number. @param {Person} person @param {App} app */
export function who(person, app) {
  if (person.name) return person.name;
  if (person.number === '' || person.number === 'anonymous') return t('anonymous');
  return app.people.named(person.number);
}

/** Name and number, and where they come from where that is not the house. @param {Person} person @param {App} app */
export function full(person, app) {
  const name = who(person, app);
  const number = name === person.number || person.number === 'anonymous' ? '' : ` ${person.number}`;
  const origin = person.origin && person.origin !== 'terminal' && has(person.origin) ? ` (${t(person.origin)})` : '';
  return `${apart(name)}${number}${origin}`;
}

/** @param {import('./desk/model.js').Callee | null} callee */
export function progressWord(callee) {
  const progress = callee?.progress || 'trying';
  return has(`progress-${progress}`) ? t(`progress-${progress}`) : progress;
}

/** The person behind `caller` or `callee`. @param {string} party @param {InHand} call @param {App} app */
export function partyName(party, call, app) {
  if (party === 'callee') return call.callee ? app.people.named(call.callee.number) : t('callee');
  return party === 'operator' ? t('you') : who(call.caller, app);
}

/** Who talks to whom. @param {InHand} call @param {App} app */
export function situation(call, app) {
  const caller = who(call.caller, app);
  const callee = call.callee ? app.people.named(call.callee.number) : '';
  const isHere = call.phase === 'ringing-you' && app.phone.value;
  const name = isHere ? 'phase-ringing-browser' : `phase-${call.phase}`;
  return has(name) ? t(name, { caller, callee, progress: progressWord(call.callee) }) : `${caller}: ${call.phase}`;
}

/**
 * Who hears and sees the operator: one sentence, and how it stands for a frame; nothing where nobody has said it.
 * @param {import('./desk/model.js').DeskModel} model @param {App} app
 * @returns {{text: string, me: Frame, them: Frame} | null}
 * @typedef {'both' | 'part' | 'none' | ''} Frame
 */
export function sensesOf(model, app) {
  const { call } = model;
  if (!call) {
    // Without a call, and without one of this page's phone, there is no way by which anybody could. With calls in hand and none
    // of them at the ear, that phone has none but the desk's.
    const ways = app.phone.value?.calls.value.length;
    const isSure = model.isComplete && (ways === 0 || (ways === 1 && model.held.length > 0));
    return isSure ? { text: t('nobodySenses'), me: 'none', them: '' } : null;
  }
  const { senses } = call;
  if (!senses) return null;
  const name = (/** @type {string} */ party) => partyName(party, call, app);
  const both = senses.hearsYou.filter((party) => senses.seesYou.includes(party));
  const hears = senses.hearsYou.filter((party) => !both.includes(party));
  const sees = senses.seesYou.filter((party) => !both.includes(party));
  const part = (/** @type {string} */ word, /** @type {string[]} */ parties) =>
    parties.length > 0 ? t(word, { n: parties.length, who: row(parties.map(name)) }) : '';
  // At a desk phone nothing is known of a camera: "hears you" alone says no more than that.
  const word = app.phone.value?.devices.stream.value?.getVideoTracks().length ? 'hears' : 'hearsOnly';
  const texts = [part('hearsAndSees', both), part(word, hears), part('sees', sees)].filter((text) => text !== '');
  return {
    text: texts.join(' · ') || t('nobodySenses'),
    me: both.length > 0 ? 'both' : hears.length + sees.length > 0 ? 'part' : 'none',
    them: frame(senses.youHear.length > 0, senses.youSee.length > 0),
  };
}

/** @param {boolean} hears @param {boolean} sees @returns {Frame} */
function frame(hears, sees) {
  if (hears && sees) return 'both';
  return hears || sees ? 'part' : 'none';
}

/** What keeps a release: `no picture from Ada`. @param {InHand} call @param {App} app */
export function blocking(call, app) {
  const health = call.health;
  if (!health) return '';
  const texts = health.blocking.map((block) => {
    const [party = '', what = ''] = block.split('.');
    const name = `block-${what}`;
    return has(name) ? t(name, { who: partyName(party, call, app) }) : block;
  });
  return row(texts);
}
