"use strict";
// MD5 (RFC 1321), which browsers have no function for.
const md5 = (() => {
  const turns = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
  const sines = Array.from({ length: 64 }, (_, n) => Math.floor(Math.abs(Math.sin(n + 1)) * 2 ** 32));
  const mix = [(b, c, d) => (b & c) | (~b & d), (b, c, d) => (d & b) | (~d & c),
    (b, c, d) => b ^ c ^ d, (b, c, d) => c ^ (b | ~d)];
  const place = [n => n, n => (5 * n + 1) % 16, n => (3 * n + 5) % 16, n => (7 * n) % 16];
  return text => {
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const words = new DataView(padded.buffer);
    words.setUint32(padded.length - 8, bytes.length * 8, true);
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    for (let block = 0; block < padded.length; block += 64) {
      let [a, b, c, d] = state;
      for (let n = 0; n < 64; n++) {
        const round = n >> 4;
        const word = words.getUint32(block + 4 * place[round](n), true);
        const sum = (a + mix[round](b, c, d) + sines[n] + word) | 0;
        const by = turns[round][n % 4];
        [a, b, c, d] = [d, (b + ((sum << by) | (sum >>> (32 - by)))) | 0, b, c];
      }
      state = [a, b, c, d].map((value, n) => (value + state[n]) | 0);
    }
    const out = new DataView(new ArrayBuffer(16));
    state.forEach((value, n) => out.setInt32(4 * n, value, true));
    return Array.from(new Uint8Array(out.buffer), byte => byte.toString(16).padStart(2, "0")).join("");
  };
})();
