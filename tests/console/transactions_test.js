import { holds, same, test, withClock } from './harness.js';
import { FakeWire } from './wire.js';
import { firstRequest } from '../../src/web/console/sip/dialog.js';

const FROM = '<sip:2001@example.com>';

test('a request gets each response, and its ACK when it was refused', () => {
  const wire = new FakeWire();
  /** @type {number[]} */
  const got = [];
  wire.agent.request(firstRequest('INVITE', 'sip:desk@example.com', FROM, FROM), ({ status }) => got.push(status));
  const invite = wire.request('INVITE');
  wire.answer(invite, 100);
  wire.answer(invite, 486);
  wire.answer(invite, 486);
  same(got, [100, 486]);
  const ack = wire.request('ACK');
  same(ack.headers.get('via'), invite.headers.get('via'));
  holds(ack.headers.get('to')?.includes('tag=them'));
});

test('what is never answered ends after 32 seconds, what cannot be sent at once', () => withClock(async ({ pass }) => {
  const wire = new FakeWire();
  /** @type {number[]} */
  const got = [];
  wire.agent.request(firstRequest('REGISTER', 'sip:example.com', FROM, FROM), ({ status }) => got.push(status));
  await pass(31_000);
  same(got, []);
  await pass(2_000);
  same(got, [408]);
  wire.isUp = false;
  wire.agent.request(firstRequest('REGISTER', 'sip:example.com', FROM, FROM), ({ status }) => got.push(status));
  await pass(0);
  same(got, [408, 503]);
}));

test('a response of another transaction is nobody\'s', () => {
  const wire = new FakeWire();
  let got = 0;
  wire.agent.request(firstRequest('REGISTER', 'sip:example.com', FROM, FROM), () => { got += 1; });
  const request = wire.request('REGISTER');
  const forged = { ...request, headers: Object.assign(Object.create(Object.getPrototypeOf(request.headers)), request.headers) };
  forged.headers.lines = request.headers.lines.map(([name, value]) => [name, name === 'Via' ? value.replace(/branch=[^;]+/, 'branch=z9hG4bKforged') : value]);
  wire.answer(forged, 200);
  same(got, 0);
});

test('a thousand requests that are answered leave nothing behind', () => {
  const wire = new FakeWire();
  for (let n = 0; n < 1_000; n += 1) {
    wire.come('OPTIONS', { to: FROM, from: '<sip:x@y>;tag=1' });
    wire.response(200);
  }
  same(wire.agent.transactions.servers.size, 0);
});

test('an INVITE that comes again gets its response again', () => {
  const wire = new FakeWire();
  let seen = 0;
  wire.agent.onInvite = (incoming) => {
    seen += 1;
    incoming.respond(486, 'Busy Here');
  };
  const parts = { to: FROM, from: '<sip:x@y>;tag=1', branch: 'z9hG4bKa', number: '1' };
  for (let n = 0; n < 2; n += 1) wire.come('INVITE', parts, [['Contact', '<sip:x@y>']]);
  same(wire.response(486).headers.get('to'), wire.response(486).headers.get('to'));
  wire.come('ACK', parts);
  same([seen, wire.agent.transactions.servers.size], [1, 0]);
});

test('what is of no dialog of ours is refused', () => {
  const wire = new FakeWire();
  wire.come('BYE', { to: `${FROM};tag=none`, from: '<sip:x@y>;tag=1' });
  wire.response(481);
  wire.come('MESSAGE', { to: FROM, from: '<sip:x@y>;tag=1' });
  wire.response(405);
  wire.come('CANCEL', { to: FROM, from: '<sip:x@y>;tag=1' });
  wire.response(481);
  wire.come('INVITE', { to: FROM, from: '<sip:x@y>;tag=1' }, [['Require', 'wonders'], ['Contact', '<sip:x@y>']]);
  same(wire.response(420).headers.get('unsupported'), 'wonders');
  wire.come('INVITE', { to: FROM, from: '<sip:x@y>;tag=1' });
  wire.response(400);
});

test('a hundred requests that nobody answers are enough', () => {
  const wire = new FakeWire();
  wire.agent.onInvite = () => {};
  for (let n = 0; n < 150; n += 1) wire.come('INVITE', { to: FROM, from: `<sip:x@y>;tag=${n}`, callId: `c${n}` }, [['Contact', '<sip:x@y>']]);
  same(wire.sent.length, 50);
  wire.response(503);
});

test('garbage on the wire is dropped', () => {
  const wire = new FakeWire();
  for (const text of ['x', 'SIP/2.0 200', '{"a":1}', 'INVITE sip:a SIP/2.0\r\nFrom: <<<<', `INVITE sip:a SIP/2.0\r\nVia: a\r\nFrom: <\r\nTo: "\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n`]) wire.onText(text);
  same(wire.sent, []);
});
