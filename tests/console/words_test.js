import { same, speakEnglish, test } from './harness.js';
import de from '../../src/web/console/words/de.js';
import en from '../../src/web/console/words/en.js';
import zh from '../../src/web/console/words/zh.js';
import { row, t } from '../../src/web/console/words/words.js';
import { full } from '../../src/web/console/sentences.js';

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

test('a name that is written from right to left turns nothing around', async () => {
  await speakEnglish();
  const [dana, said] = ['\u05d3\u05e0\u05d4', '\u0633\u0639\u064a\u062f'];
  const apart = (/** @type {string} */ name) => `\u2068${name}\u2069`;
  same(t('phase-talking-to-callee', { callee: dana, caller: said }), `You talk to ${apart(dana)}; ${apart(said)} waits`);
  same(t('phase-talking-to-callee', { callee: 'Zoë', caller: '王 🙂' }), 'You talk to Zoë; 王 🙂 waits');
  same(row([dana, 'Bob', said]), `${apart(dana)}, Bob, and ${apart(said)}`);
  same(full({ name: dana, number: '4001', origin: 'terminal' }, /** @type {any} */ (null)), `${apart(dana)} 4001`);
});

/** A file of the console as text, in Node and in a browser alike. @param {string} path */
async function textOf(path) {
  const url = new URL(`../../src/web/console/${path}`, import.meta.url);
  if (url.protocol !== 'file:') return (await fetch(url)).text();
  const { readFile } = await import('node:fs/promises');
  return readFile(url, 'utf8');
}

/** What a module imports, by paths from the console's folder. @param {string} path @returns {Promise<string[]>} */
async function importsOf(path) {
  const text = (await textOf(path)).replace(/^\s*\*.*$/gm, '');
  const found = [...text.matchAll(/^(?:import|export)\s[^'"`]*?from '(\.[^']+)'/gm)].map(([, name = '']) => name);
  return found.map((name) => new URL(name, `http://x/${path}`).pathname.slice(1));
}

test('the page asks at once for every module that it needs', async () => {
  const needed = new Set();
  const open = ['main.js'];
  while (open.length > 0) {
    const path = /** @type {string} */ (open.pop());
    if (needed.has(path)) continue;
    needed.add(path);
    if (!path.startsWith('vendor/')) open.push(...await importsOf(path));
  }
  needed.delete('main.js');
  const page = await textOf('index.html');
  const preloaded = [...page.matchAll(/modulepreload" href="\/console\/([^"]+)"/g)].map(([, path]) => path);
  same([...preloaded].sort(), [...needed].sort());
});

test('the whole page is light', async () => {
  const page = await textOf('index.html');
  const paths = ['main.js', 'style.css', 'words/de.js', ...[...page.matchAll(/modulepreload" href="\/console\/([^"]+)"/g)].map(([, path = '']) => path)];
  let weight = 0;
  for (const path of paths) {
    const stream = new Blob([await textOf(path)]).stream().pipeThrough(new CompressionStream('gzip'));
    weight += (await new Response(stream).arrayBuffer()).byteLength;
  }
  console.log(`the desk page weighs ${Math.round(weight / 1024)} KiB compressed, in ${paths.length + 1} files`);
  same(weight < 120 * 1024, true, `${weight} bytes`);
});
