// Addresses: `"Name" <sip:user@host>;tag=x` (RFC 3261 §20.10, §25.1). Pure.
import { SipError, split } from './message.js';

/** @typedef {{name: string, uri: string, params: Map<string, string>}} Address */

/** @param {string} text @returns {Address} */
export function readAddress(text) {
  const found = /^((?:"(?:[^"\\]|\\.)*"|[^<"]*)\s*)<([^<>\s]+)>(.*)$/s.exec(text.trim());
  if (found) {
    const [, name = '', uri = '', rest = ''] = found;
    return { name: unquote(name.trim()), uri, params: readParams(rest) };
  }
  // Without angle brackets the parameters are the header's (§20).
  const [uri = '', ...rest] = text.trim().split(';');
  if (!uri || /[<>\s"]/.test(uri)) throw new SipError('an address that is none');
  return { name: '', uri, params: readParams(rest.join(';')) };
}

/** @param {string} text @returns {Map<string, string>} */
export function readParams(text) {
  const params = new Map();
  for (const part of split(text, ';')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (!params.has(name)) params.set(name, equals < 0 ? '' : unquote(part.slice(equals + 1).trim()));
  }
  return params;
}

/** @param {string} text */
function unquote(text) {
  const found = /^"(.*)"$/s.exec(text);
  return found ? (found[1] ?? '').replace(/\\(.)/gs, '$1') : text;
}

/** The user part of a `sip:` or `tel:` URI, or an empty text. @param {string} uri */
export function userOf(uri) {
  const found = /^(?:sips?:([^@;?]*)@|tel:([^;?]*))/i.exec(uri);
  const user = (found?.[1] ?? found?.[2] ?? '').split(';')[0] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}
