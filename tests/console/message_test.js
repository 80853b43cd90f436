import { holds, same, test, throws } from './harness.js';
import { HEADERS_MAX, Headers, LINE_MAX, MESSAGE_MAX, SipError, cseq, isRequest, parse, print, split } from '../../src/web/console/sip/message.js';
import { readAddress, userOf } from '../../src/web/console/sip/address.js';

const INVITE = [
  'INVITE sip:2001@example.com SIP/2.0', 'Via: SIP/2.0/WSS a.invalid;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK0', 'f: "Bob, \\"the\\" caller" <sip:4001@example.com;x=1>;tag=a',
  'To: <sip:2001@example.com>', 'i: abc', 'CSeq: 7 INVITE', 'm: <sip:4001@b;transport=ws>', 'Supported: timer,', '  outbound', 'c: application/sdp', '', 'v=0\r\n',
].join('\r\n');

test('a message is read without its length, with compact names and folded lines', () => {
  const message = parse(INVITE);
  holds(isRequest(message));
  same(message.headers.all('via').length, 2);
  same(message.headers.all('supported'), ['timer', 'outbound']);
  holds(message.headers.has('Supported', 'OUTBOUND'));
  same(message.headers.get('Content-Type'), 'application/sdp');
  same(message.body, 'v=0\r\n');
  same(cseq(message.headers), { number: 7, method: 'INVITE' });
  const from = readAddress(message.headers.get('from') ?? '');
  same([from.name, from.uri, from.params.get('tag')], ['Bob, "the" caller', 'sip:4001@example.com;x=1', 'a']);
});

test('what is printed is read the same', () => {
  const message = parse(INVITE);
  const again = parse(print({ ...message, body: 'Grüße 中文 🎥' }));
  same(again.headers.lines.slice(0, -1), message.headers.lines);
  same(again.body, 'Grüße 中文 🎥');
});

test('a length that is shorter cuts, a longer one is an error', () => {
  same(parse(`${INVITE.replace('c: app', 'Content-Length: 3\r\nc: app')}`).body, 'v=0');
  throws(() => parse(INVITE.replace('c: app', 'l: 99\r\nc: app')), SipError);
  throws(() => parse(INVITE.replace('c: app', 'l: -1\r\nc: app')), SipError);
});

test('nothing that is typed begins a header line of its own', () => {
  const headers = new Headers([['Via', 'SIP/2.0/WS a;branch=1'], ['From', '<sip:a@b>;tag=1'], ['To', '<sip:c@d>\r\nX-Evil: 1'], ['Call-ID', '1'], ['CSeq', '1 INFO']]);
  const again = parse(print({ method: 'INFO', uri: 'sip:a\r\nX: 1', headers, body: '' }).replace('sip:a X: 1', 'sip:a'));
  same(again.headers.get('x-evil'), undefined);
});

test('hostile messages are errors, and only that', () => {
  const bad = [
    '', '\r\n\r\n', 'x', 'INVITE', 'INVITE sip:a SIP/3.0', 'SIP/2.0 99 x', 'SIP/2.0 abc', 'SIP/2.0 700 No\r\nVia: a',
    INVITE.replace('CSeq: 7 INVITE', 'CSeq: 7 BYE'), INVITE.replace('CSeq: 7', 'CSeq: 99999999999'), INVITE.replace('CSeq: 7', 'CSeq: -7'),
    INVITE.replace('CSeq: 7', 'CSeq: 4294967296'), INVITE.replace('i: abc', 'i:'), INVITE.replace('i: abc\r\n', ''), INVITE.replace('i: abc', ': abc'),
    INVITE.replace('i: abc', 'no colon'), INVITE.replace('i: abc', `i: ${'a'.repeat(LINE_MAX)}`), INVITE.replace('i: abc', `i: abc\r\n${'X: y\r\n'.repeat(HEADERS_MAX)}`),
    'a'.repeat(MESSAGE_MAX + 1), INVITE.replace('INVITE sip', 'INV ITE sip'), '\0'.repeat(100),
  ];
  for (const text of bad) throws(() => parse(text), SipError, JSON.stringify(text.slice(0, 60)));
});

test('thirty thousand broken messages cost no more than an error', () => {
  let seed = 12345;
  const draw = (/** @type {number} */ n) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % n;
  };
  const odd = ['"', '<', '>', '\\', ';', ',', ':', '\r\n', '\n', ' ', '\0', '中', '\ud800', '%', '=', '@'];
  for (let n = 0; n < 30_000; n += 1) {
    let text = INVITE;
    for (let changes = draw(6); changes >= 0; changes -= 1) {
      const at = draw(text.length);
      const put = odd[draw(odd.length)] ?? '';
      text = draw(2) ? text.slice(0, at) + put + text.slice(at) : text.slice(0, at) + text.slice(at + draw(9));
      if (text === '') break;
    }
    try {
      const message = parse(text);
      for (const name of ['from', 'to', 'contact']) {
        const value = message.headers.get(name);
        if (value) readAddress(value);
      }
      print(message);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
    }
  }
});

test('an address that would take for ever is read at once', () => {
  const before = Date.now();
  for (const text of ['"'.repeat(8_000), '<'.repeat(8_000), `"${'\\'.repeat(8_000)}`, `${'a '.repeat(4_000)}<`, ';'.repeat(8_000)]) {
    try {
      readAddress(text);
      split(text, ',');
    } catch (error) {
      holds(error instanceof SipError);
    }
  }
  holds(Date.now() - before < 500, 'it took too long');
});

test('the user of an address', () => {
  same(['sip:4001@x', 'sips:a%20b@x', 'tel:+49;x=1', 'sip:host', 'sip:%zz@x'].map(userOf), ['4001', 'a b', '+49', '', '%zz']);
});
