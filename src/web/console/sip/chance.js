// Tags, branches, names that nobody guesses.

/** @param {number} bytes @returns {string} twice as many hexadecimal digits */
export function token(bytes = 8) {
  const drawn = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(drawn, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A `urn:uuid:` of version 4 (RFC 9562). */
export function uuid() {
  const drawn = crypto.getRandomValues(new Uint8Array(16));
  drawn[6] = ((drawn[6] ?? 0) & 0x0f) | 0x40;
  drawn[8] = ((drawn[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(drawn, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`;
}
