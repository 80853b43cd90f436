// What this browser remembers, and what this tab does. A browser that forbids it remembers nothing.

const PREFIX = 'cordboard.';

/** @template T @param {string} name @param {T} otherwise @returns {T} */
export function recall(name, otherwise) {
  return read(() => localStorage, name, otherwise);
}

/** @param {string} name @param {unknown} value */
export function remember(name, value) {
  write(() => localStorage, name, value);
}

/** Until the tab is closed: what F5 does not end. @template T @param {string} name @param {T} otherwise @returns {T} */
export function recallTab(name, otherwise) {
  return read(() => sessionStorage, name, otherwise);
}

/** @param {string} name @param {unknown} value */
export function rememberTab(name, value) {
  write(() => sessionStorage, name, value);
}

/** @template T @param {() => Storage} storage @param {string} name @param {T} otherwise @returns {T} */
function read(storage, name, otherwise) {
  try {
    const value = JSON.parse(storage().getItem(PREFIX + name) ?? 'null');
    return typeof value === typeof otherwise || otherwise === null ? value ?? otherwise : otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {() => Storage} storage @param {string} name @param {unknown} value */
function write(storage, name, value) {
  try {
    if (value === null) storage().removeItem(PREFIX + name);
    else storage().setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows forbid it.
  }
}
