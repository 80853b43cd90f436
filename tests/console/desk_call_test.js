import { holds, same, test, withClock } from './harness.js';
import { FakeWire, inDialog } from './wire.js';
import { DeskCall } from '../../src/web/console/sip/desk_call.js';

const JSON_TYPE = 'application/vnd.cordboard.desk+json';
/** @type {[string, string][]} */
const GOOD = [['Contact', '<sip:desk@server>'], ['Recv-Info', 'operator-desk'], ['Session-Expires', '90;refresher=uac']];
/** @type {[string, string][]} */
const INFO = [['Info-Package', 'operator-desk'], ['Content-Type', JSON_TYPE]];

/** @returns {{wire: FakeWire, call: DeskCall, invite: any, said: any[], over: any[]}} */
function opened() {
  const wire = new FakeWire();
  const call = new DeskCall(wire.agent, 'op1');
  /** @type {any[]} */
  const said = [];
  /** @type {any[]} */
  const over = [];
  call.onMessage = (message) => said.push(message);
  call.onOver = (ending) => over.push(ending);
  call.open();
  const invite = wire.request('INVITE');
  wire.answer(invite, 200, GOOD);
  return { wire, call, invite, said, over };
}

test('the desk calls without a stream and with its package', () => {
  const { wire, invite } = opened();
  same(invite.uri, 'sip:desk@example.com');
  same(invite.headers.get('recv-info'), 'operator-desk');
  holds(!invite.body.includes('m='), 'there is no m= line');
  holds(invite.headers.get('contact')?.includes('.invalid'));
  const ack = wire.request('ACK');
  same(ack.uri, 'sip:desk@server');
});

test('a 200 without the package is no desk', () => {
  const wire = new FakeWire();
  const call = new DeskCall(wire.agent, 'op1');
  /** @type {any[]} */
  const over = [];
  call.onOver = (ending) => over.push(ending.status);
  call.open();
  wire.answer(wire.request('INVITE'), 200, [['Contact', '<sip:desk@server>']]);
  wire.request('ACK');
  wire.request('BYE');
  same(over, [488]);
});

test('a longer session is asked for where the switchboard wants one', () => {
  const wire = new FakeWire();
  const call = new DeskCall(wire.agent, 'op1');
  call.open();
  wire.answer(wire.request('INVITE'), 422, [['Min-SE', '300']]);
  wire.request('ACK');
  same(wire.request('INVITE').headers.get('session-expires'), '300;refresher=uac');
});

test('messages come as objects, all else is answered as it deserves', () => {
  const { wire, invite, said } = opened();
  wire.request('ACK');
  const info = (/** @type {[string, string][]} */ headers, /** @type {string} */ body, /** @type {number} */ status) => {
    inDialog(wire, invite, 'INFO', headers, body);
    wire.response(status);
  };
  info(INFO, '{"seq":1,"event":"welcome"}', 200);
  info([['Content-Type', JSON_TYPE]], '{}', 469);
  info([['Info-Package', 'other'], ['Content-Type', JSON_TYPE]], '{}', 469);
  info([['Info-Package', 'operator-desk'], ['Content-Type', 'text/plain']], '{}', 415);
  for (const body of ['', '[]', '7', 'null', '{', '"x"', '{"a":1}}']) info(INFO, body, 400);
  info(INFO, `{"a":"${'x'.repeat(17_000)}"}`, 413);
  same(said, [{ seq: 1, event: 'welcome' }]);
});

test('an INFO that is older than the last is refused', () => {
  const { wire, invite, said } = opened();
  wire.request('ACK');
  inDialog(wire, invite, 'INFO', INFO, '{"seq":1}', '10');
  wire.response(200);
  inDialog(wire, invite, 'INFO', INFO, '{"seq":2}', '9');
  wire.response(500);
  same(said.length, 1);
});

test('commands go as INFO, and again with the same id when they were not seen', () => withClock(async ({ pass }) => {
  const { wire, call } = opened();
  wire.request('ACK');
  call.say({ id: 'a-1', do: 'take', request: 'r-1' });
  const first = wire.request('INFO');
  same(first.headers.get('info-package'), 'operator-desk');
  wire.answer(first, 503, [['Retry-After', '1']]);
  await pass(1_100);
  const again = wire.request('INFO');
  same(again.body, first.body);
  holds(again.headers.get('cseq') !== first.headers.get('cseq'));
}));

test('a command that was refused is told, and 481 ends the desk', () => {
  const { wire, call, over } = opened();
  wire.request('ACK');
  /** @type {any[]} */
  const unheard = [];
  call.onUnheard = (command, { status }) => unheard.push([command.id, status]);
  call.say({ id: 'a-1' });
  wire.answer(wire.request('INFO'), 400);
  call.say({ id: 'a-2' });
  wire.answer(wire.request('INFO'), 481);
  same(unheard, [['a-1', 400], ['a-2', 481]]);
  same(over.length, 1);
});

test('the session is refreshed at half of it, and ends when that is refused', () => withClock(async ({ pass }) => {
  const { wire, over } = opened();
  wire.request('ACK');
  await pass(45_000);
  const update = wire.request('UPDATE');
  same(update.body, '');
  wire.answer(update, 200, [['Session-Expires', '90;refresher=uac']]);
  await pass(45_000);
  wire.answer(wire.request('UPDATE'), 481);
  wire.request('BYE');
  same(over.length, 1);
}));

test('the switchboard hangs up, and says why', () => {
  const { wire, invite, over } = opened();
  wire.request('ACK');
  inDialog(wire, invite, 'BYE', [['Reason', 'SIP;cause=503;text="the \\"server\\" was restarted"']]);
  wire.response(200);
  same(over, [{ status: 0, reason: 'the "server" was restarted' }]);
  same(wire.agent.calls.size, 0);
});

test('a 200 that comes again is acknowledged again', () => {
  const { wire, invite } = opened();
  wire.request('ACK');
  wire.answer(invite, 200, GOOD);
  wire.request('ACK');
});
