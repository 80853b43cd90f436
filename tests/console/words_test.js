import { same, test } from './harness.js';
import de from '../../src/web/console/words/de.js';
import en from '../../src/web/console/words/en.js';
import zh from '../../src/web/console/words/zh.js';

/** What is in the braces. @param {unknown} words */
function gaps(words) {
  return typeof words === 'string' ? (words.match(/\{\w+\}/g) ?? []).sort() : Object.values(/** @type {object} */ (words)).map(gaps);
}

test('each language has each word, with the same gaps', () => {
  for (const [name, words] of Object.entries({ de, zh })) {
    same(Object.keys(words), Object.keys(en), name);
    for (const [key, value] of Object.entries(en)) same(gaps(/** @type {any} */ (words)[key]), gaps(value), `${name}: ${key}`);
  }
});
