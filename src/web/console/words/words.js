// The words of a language: one file each, every name in each. Numbers and times by Intl.
import { signal } from '../vendor/preact.js';
import { recall, remember } from '../store.js';

/** @typedef {Record<string, string | {one: string, other: string}>} Words */

export const LANGUAGES = { de: 'Deutsch', en: 'English', zh: '中文' };

/** @type {import('../vendor/preact.js').Signal<Words>} */
const words = signal({});
export const language = signal('en');

/** The language that was chosen, else the first of the browser's that there is. */
function preferred() {
  const chosen = recall('language', '');
  const wanted = [chosen, ...(navigator.languages ?? [])].map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find((tag) => tag in LANGUAGES) ?? 'en';
}

/** @param {string} [chosen] */
export async function speak(chosen) {
  if (chosen) remember('language', chosen);
  const tag = preferred();
  // A browser does not load again by the same name what has failed once.
  const module = await import(`./${tag}.js`).catch(() => import(`./${tag}.js?again`));
  words.value = /** @type {Words} */ (module.default);
  language.value = tag;
  document.documentElement.lang = tag;
}

/**
 * The words of this name, with what belongs into the braces.
 * @param {string} name @param {Record<string, string | number>} values @returns {string}
 */
export function t(name, values = {}) {
  const found = words.value[name];
  if (found === undefined) return name;
  const text = typeof found === 'string' ? found : found[plural(Number(values.n ?? 0))];
  return text.replace(/\{(\w+)\}/g, (_, key) => apart(String(values[key] ?? '')));
}

/** What is written from right to left: Hebrew, Arabic and their neighbours. */
const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A name as it stands beside other words: one that is written from right to left keeps its place among them, and numbers and
 * names that follow keep theirs (UAX #9 §2.4.1). Else `you talk to {callee}; {caller} waits` is read the other way round.
 * @param {string} text
 */
export function apart(text) {
  return FROM_RIGHT.test(text) ? `\u2068${text}\u2069` : text;
}

/** Whether there are words of this name. @param {string} name */
export function has(name) {
  return name in words.value;
}

/** @param {number} n @returns {'one' | 'other'} */
function plural(n) {
  return new Intl.PluralRules(language.value).select(n) === 'one' ? 'one' : 'other';
}

/** A span of time as on a clock: `0:42`, `1:02:03`. @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A number with so many digits behind the point at most. @param {number} value @param {number} digits */
export function figure(value, digits = 0) {
  return new Intl.NumberFormat(language.value, { maximumFractionDigits: digits }).format(value);
}

/** A moment: the time, and the day where it is not today's. @param {string} moment @param {number} now */
export function when(moment, now) {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return '';
  const isToday = at.toDateString() === new Date(now).toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const options = isToday
    ? { hour: 'numeric', minute: '2-digit' }
    : { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' };
  return new Intl.DateTimeFormat(language.value, options).format(at);
}

/** Names in a row: `Bob and Ada`. @param {string[]} names */
export function row(names) {
  return new Intl.ListFormat(language.value, { type: 'conjunction' }).format(names.map(apart));
}
