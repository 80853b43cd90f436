// Which key is which command: those of `cordboard desk`, or function keys, or none (WCAG 2.1.4). Pure.

/** @typedef {'letters' | 'functions' | 'off'} KeySet */

/** @type {Record<string, string>} */
export const LETTERS = {
  t: 'take', n: 'decline', c: 'consult', a: 'alternate', k: 'connect', r: 'release', R: 'force', x: 'cancel', o: 'record',
  s: 'swap', p: 'park', P: 'parkFor', g: 'pick', b: 'transfer', e: 'serial', h: 'hangup', d: 'dnd', y: 'ready', '/': 'find',
  f: 'find', m: 'mute', v: 'camera', q: 'logout', '?': 'help',
};

/** F5, F11 and F12 are the browser's. @type {Record<string, string>} */
export const FUNCTIONS = {
  F1: 'help', F2: 'take', F3: 'consult', F4: 'alternate', F6: 'connect', F7: 'release', F8: 'cancel', F9: 'hangup', F10: 'mute',
};

/**
 * @param {{key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean, isComposing?: boolean, repeat?: boolean,
 *         getModifierState?: (key: string) => boolean}} press
 * @param {KeySet} keys @param {boolean} isTyping whether the focus is where people type
 * @returns {{name: string, place?: number} | null}
 */
export function meaning(press, keys, isTyping) {
  if (press.ctrlKey || press.altKey || press.metaKey || press.isComposing || press.repeat) return null;
  if (isTyping) return null;
  if (keys === 'functions') {
    const name = FUNCTIONS[press.key];
    return name ? { name } : null;
  }
  if (keys === 'off') return null;
  if (/^[0-9]$/.test(press.key)) return { name: 'take', place: Number(press.key) || 10 };
  const name = LETTERS[letterOf(press)];
  return name ? { name } : null;
}

/** The letter as it is without Caps Lock: `r` leaves, and only Shift makes it the one that leaves anyway. @param {Parameters<typeof meaning>[0]} press */
function letterOf(press) {
  const { key } = press;
  if (!press.getModifierState?.('CapsLock') || !/^[a-z]$/i.test(key)) return key;
  return key === key.toLowerCase() ? key.toUpperCase() : key.toLowerCase();
}

/** The sign for a command on its button. @param {string} name @param {KeySet} keys */
export function signOf(name, keys) {
  if (keys === 'off') return '';
  const table = keys === 'letters' ? LETTERS : FUNCTIONS;
  return Object.keys(table).find((key) => table[key] === name) ?? '';
}
