import { same, test } from './harness.js';
import { meaning, signOf } from '../../src/web/console/desk/keys.js';

const press = (/** @type {string} */ key, more = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, ...more });

test('letters are those of the desk in the terminal, digits take the nth', () => {
  same(meaning(press('k'), 'letters', false), { name: 'connect' });
  same(meaning(press('R'), 'letters', false), { name: 'force' });
  same(meaning(press('3'), 'letters', false), { name: 'take', place: 3 });
  same(meaning(press('0'), 'letters', false), { name: 'take', place: 10 });
});

test('Caps Lock changes nothing', () => {
  const locked = { getModifierState: (/** @type {string} */ key) => key === 'CapsLock' };
  const name = (/** @type {string} */ key) => meaning(press(key, locked), 'letters', false)?.name;
  same([name('T'), name('R'), name('r'), name('/'), name('?')], ['take', 'release', 'force', 'find', 'help']);
});

test('no key acts while somebody types, composes, holds it down or means the browser', () => {
  same(meaning(press('h'), 'letters', true), null);
  same(meaning(press('r', { ctrlKey: true }), 'letters', false), null);
  same(meaning(press('r', { isComposing: true }), 'letters', false), null);
  same(meaning(press('r', { repeat: true }), 'letters', false), null);
});

test('letters can be function keys, or nothing', () => {
  same(meaning(press('k'), 'functions', false), null);
  same(meaning(press('F6'), 'functions', false), { name: 'connect' });
  same(meaning(press('F6'), 'functions', true), null);
  same(meaning(press('F5'), 'functions', false), null);
  same(meaning(press('k'), 'off', false), null);
  same([signOf('connect', 'letters'), signOf('connect', 'functions'), signOf('connect', 'off'), signOf('find', 'letters')], ['k', 'F6', '', '/']);
});
