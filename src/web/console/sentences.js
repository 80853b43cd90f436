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
 * Who hears and sees the operator: one sentence, how it stands for a frame, and who is heard or seen; nothing where nobody has said it.
 * @param {import('./desk/model.js').DeskModel} model @param {App} app
 * @returns {{text: string, me: Frame, them: Frame, names: string[]} | null}
 * @typedef {'both' | 'part' | 'none' | ''} Frame
 */
export function sensesOf(model, app) {
  const { call } = model;
  const direct = [...model.direct.values()];
  if (call && !call.senses) return null;
  if (!call && direct.length === 0) {
    // Without a call, and without one of this page's phone, there is no way by which anybody could. With calls in hand and none
    // of them at the ear, that phone has none but the desk's.
    const ways = app.phone.value?.calls.value.length;
    const isSure = model.isComplete && (ways === 0 || (ways === 1 && model.held.length > 0));
    return isSure ? { text: t('nobodySenses'), me: 'none', them: '', names: [] } : null;
  }
  const others = [
    ...(call?.senses ? partiesOf(call.senses, (party) => partyName(party, call, app)) : []),
    ...direct.flatMap((senses) => partiesOf(senses, () => who(senses.partner, app))),
  ];
  const both = others.filter((other) => other.hearsYou && other.seesYou);
  const hears = others.filter((other) => other.hearsYou && !other.seesYou);
  const sees = others.filter((other) => other.seesYou && !other.hearsYou);
  const names = (/** @type {Other[]} */ all) => all.map((other) => other.name);
  const part = (/** @type {string} */ word, /** @type {Other[]} */ all) =>
    all.length > 0 ? t(word, { n: all.length, who: row(names(all)) }) : '';
  // At a desk phone nothing is known of a camera: "hears you" alone says no more than that.
  const word = app.phone.value?.devices.stream.value?.getVideoTracks().length ? 'hears' : 'hearsOnly';
  const texts = [part('hearsAndSees', both), part(word, hears), part('sees', sees)].filter((text) => text !== '');
  return {
    text: texts.join(' · ') || t('nobodySenses'),
    me: both.length > 0 ? 'both' : hears.length + sees.length > 0 ? 'part' : 'none',
    them: frame(others.some((other) => other.youHear), others.some((other) => other.youSee)),
    names: names(others.filter((other) => other.youHear || other.youSee)),
  };
}

/**
 * The parties of one call. Two may have the same name: what is true of one is not said of the other.
 * @param {import('./desk/model.js').Senses} senses @param {(party: string) => string} name @returns {Other[]}
 * @typedef {{name: string, hearsYou: boolean, seesYou: boolean, youHear: boolean, youSee: boolean}} Other
 */
function partiesOf({ hearsYou, seesYou, youHear, youSee }, name) {
  return [...new Set([...hearsYou, ...seesYou, ...youSee, ...youHear])].map((party) => ({
    name: name(party), hearsYou: hearsYou.includes(party), seesYou: seesYou.includes(party),
    youHear: youHear.includes(party), youSee: youSee.includes(party),
  }));
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

/** What the switchboard says in English, and the name of the same in `words/`. @type {[RegExp, string][]} */
const SAID = [
  [/^operator (?<by>\S+) took it$/, 's-taken-by'],
  [/^calls of this queue are not recorded$/, 's-not-recorded'],
  [/^all calls of this queue are recorded$/, 's-all-recorded'],
  [/^the disk is nearly full: nothing is recorded$/, 's-no-room'],
  [/^you may have one call at a time/, 'oneCall'],
  [/^an operator number cannot be consulted$/, 's-operator-number'],
  [/^a camera has nobody to talk to/, 's-camera'],
  [/^(this|.+) is no telephone$/, 's-no-telephone'],
  [/^this is your own phone$/, 's-own-phone'],
  [/^this is the caller$/, 's-the-caller'],
  [/^this operator is in a call$/, 's-in-a-call'],
  [/^this account was removed$/, 's-removed'],
  [/^this phone is not one of yours$/, 's-not-yours'],
  [/^another operator sits at this phone$/, 's-another-sits'],
  [/^this operator works by phone alone$/i, 's-phone-alone'],
  [/^desks come by TLS or WSS alone$/i, 's-sealed-alone'],
  [/^level (?<callee>.+) does not admit callers of level (?<caller>.+), and no permit is given$/, 's-level'],
  [/^no level admits callers of level (?<caller>.+)$/, 's-no-level'],
  [/^(?<who>.+) waits .+ for (?<n>\d+) s$/, 'recalled'],
  [/^(?<caller>.+) and (?<callee>.+) do not hear and see each other yet/, 's-not-settled'],
];

/** What the switchboard says, in the language of the page where that knows it. @param {string} text */
export function inOurWords(text) {
  for (const [pattern, name] of SAID) {
    const found = pattern.exec(text);
    if (found && has(name)) return t(name, { ...found.groups });
  }
  return text;
}
