import { holds, same, test, withClock } from './harness.js';
import { FakeWire } from './wire.js';
import { PhoneCall } from '../../src/web/console/sip/phone_call.js';

const US = '<sip:2001@example.com>';
const THEM = '"Bob" <sip:4001@example.com>;tag=them';
const settle = () => new Promise((resolve) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => { port1.close(); resolve(null); }; port2.postMessage(0); });

class FakeMedia {
  constructor() {
    /** @type {string[]} */
    this.did = [];
    this.fails = false;
  }

  /** @param {string} offer */
  async answer(offer) {
    this.did.push(`answer ${offer}`);
    await settle();
    if (this.fails) throw new Error('no');
    return 'our answer';
  }

  /** @param {boolean} restart */
  async offer(restart) {
    this.did.push(restart ? 'restart' : 'offer');
    return 'our offer';
  }

  /** @param {string} answer */
  async accept(answer) { this.did.push(`accept ${answer}`); }

  async rollback() { this.did.push('rollback'); }

  close() { this.did.push('close'); }
}

/** @param {[string, string][]} more @param {string} body */
function called(more = [['Answer-Mode', 'Auto']], body = 'offer 1') {
  const wire = new FakeWire();
  const media = new FakeMedia();
  /** @type {PhoneCall | null} */
  let call = null;
  wire.agent.onInvite = (incoming) => { call = new PhoneCall(wire.agent, incoming, media); };
  wire.come('INVITE', { to: US, from: THEM, number: '1', branch: 'z9hG4bKinvite' }, [['Contact', '<sip:4001@server>'], ['Supported', 'timer'], ...more], body);
  if (!call) throw new Error('no call');
  /** @type {PhoneCall} */
  const found = call;
  const tag = () => found.dialog.localTag;
  const send = (/** @type {string} */ method, /** @type {string} */ number, /** @type {[string, string][]} */ headers = [], offer = '', branch = `z9hG4bK${method}${number}`) =>
    wire.come(method, { to: `${US};tag=${tag()}`, from: THEM, number, branch }, headers, offer);
  return { wire, media, call: found, send };
}

async function answered() {
  const all = called();
  const up = all.call.answer();
  await up;
  all.ok = all.wire.response(200);
  all.send('ACK', '1');
  await settle();
  holds(all.call.isUp);
  return /** @type {typeof all & {ok: any}} */ (all);
}

test('a call of the switchboard is answered at once', async () => {
  const { ok, call } = await answered();
  same(ok.body, 'our answer');
  holds(ok.headers.get('contact')?.includes('.invalid'));
  same(call.caller, { number: '4001', name: 'Bob' });
});

test('any other rings first', async () => {
  const { wire, call } = called([]);
  holds(!call.isAutomatic);
  wire.response(180);
  call.refuse(603, 'Decline');
  wire.response(603);
  holds(call.isOver);
});

test('a CANCEL that crosses the answer wins', async () => {
  const { wire, media, call, send } = called();
  const answering = call.answer();
  send('CANCEL', '1', [], '', 'z9hG4bKinvite');
  await answering;
  wire.response(200);
  wire.response(487);
  same(wire.sent, []);
  holds(call.isOver && media.did.includes('close'));
});

test('an offer that nobody understands gets 488', async () => {
  const { wire, media, call } = called();
  media.fails = true;
  await call.answer();
  wire.response(488);
  holds(call.isOver);
});

test('an INVITE without an offer gets ours, and its ACK brings the answer', async () => {
  const { wire, media, call, send } = called([['Answer-Mode', 'Auto']], '');
  await call.answer();
  same(wire.response(200).body, 'our offer');
  send('ACK', '1', [['Content-Type', 'application/sdp']], 'their answer');
  await settle();
  same(media.did, ['offer', 'accept their answer']);
});

test('an answer that is never acknowledged ends the call', () => withClock(async ({ pass }) => {
  const { wire, call } = called();
  const answering = call.answer();
  await pass(10);
  await answering;
  wire.response(200);
  await pass(33_000);
  wire.request('BYE');
  holds(call.isOver);
}));

test('offers come one after the other', async () => {
  const { wire, media, call, send } = await answered();
  send('INVITE', '2', [['Contact', '<sip:4001@elsewhere>']], 'offer 2');
  send('INVITE', '3', [['Contact', '<sip:4001@elsewhere>']], 'offer 3');
  wire.response(500);
  await settle();
  await settle();
  same(wire.response(200).body, 'our answer');
  send('ACK', '2');
  same(media.did, ['answer offer 1', 'answer offer 2']);
  same(call.dialog.target, 'sip:4001@elsewhere');
});

test('who both begin both wait', async () => {
  const { wire, media, call, send } = await answered();
  const restarting = call.restart();
  await settle();
  const ours = wire.request('INVITE');
  send('INVITE', '2', [['Contact', '<sip:4001@server>']], 'offer 2');
  wire.response(491);
  wire.answer(ours, 491);
  wire.request('ACK');
  await restarting;
  await settle();
  same(media.did.slice(1), ['restart', 'rollback']);
  holds(!call.isOver && !call.isOffering);
  call.end();
});

test('a restart gives new ways, and is repeated when the connection was gone', async () => {
  const { wire, media, call } = await answered();
  wire.isUp = false;
  await call.restart();
  await settle();
  holds(call.wantsRestart);
  wire.isUp = true;
  call.resume();
  await settle();
  const invite = wire.request('INVITE');
  same(invite.body, 'our offer');
  wire.answer(invite, 200, [['Contact', '<sip:4001@server>']], 'their answer');
  await settle();
  wire.request('ACK');
  same(media.did.at(-1), 'accept their answer');
  call.end();
});

test('the session ends when nobody refreshes it', () => withClock(async ({ pass }) => {
  const { wire, call, send } = called([['Answer-Mode', 'Auto'], ['Session-Expires', '90;refresher=uac']]);
  const answering = call.answer();
  await pass(10);
  await answering;
  same(wire.response(200).headers.get('session-expires'), '90;refresher=uac');
  send('ACK', '1');
  await pass(40_000);
  send('UPDATE', '2', [['Session-Expires', '90;refresher=uac'], ['Supported', 'timer'], ['Contact', '<sip:4001@server>']]);
  wire.response(200);
  await pass(55_000);
  holds(!call.isOver);
  await pass(40_000);
  holds(call.isOver);
  wire.request('BYE');
}));

test('keys that the media cannot carry go as INFO', async () => {
  const { wire, call } = await answered();
  call.sendKey('5');
  const info = wire.request('INFO');
  same(info.body, 'Signal=5\r\nDuration=160\r\n');
  call.end();
});

test('an INFO with a package is not for the phone', async () => {
  const { wire, send, call } = await answered();
  send('INFO', '2', [['Info-Package', 'operator-desk'], ['Content-Type', 'application/vnd.cordboard.desk+json']], '{}');
  wire.response(469);
  send('BYE', '3');
  wire.response(200);
  holds(call.isOver);
});

test('a later INVITE that is cancelled leaves the call as it was', () => withClock(async ({ pass }) => {
  const { wire, media, call, send } = called();
  const answering = call.answer();
  await pass(10);
  await answering;
  wire.response(200);
  send('ACK', '1');
  await pass(10);
  send('INVITE', '2', [['Contact', '<sip:4001@server>']], 'offer 2', 'z9hG4bKsecond');
  send('CANCEL', '2', [], '', 'z9hG4bKsecond');
  wire.response(200);
  wire.response(487);
  await pass(40_000);
  holds(!call.isOver && !call.isAnswering);
  send('INVITE', '3', [['Contact', '<sip:4001@server>']], 'offer 3');
  await pass(10);
  wire.response(200);
  same(media.did.at(-1), 'answer offer 3');
  call.end();
}));

test('an ACK that goes with the connection ends no call', () => withClock(async ({ pass }) => {
  const { wire, call, send } = called();
  const answering = call.answer();
  await pass(10);
  await answering;
  wire.response(200);
  send('ACK', '1');
  await pass(10);
  send('INVITE', '2', [['Contact', '<sip:4001@server>']], 'offer 2');
  await pass(10);
  wire.response(200);
  wire.isUp = false;
  call.cut();
  await pass(40_000);
  holds(!call.isOver && !call.isAnswering);
  wire.isUp = true;
  call.resume();
  wire.answer(wire.request('UPDATE'), 200, [['Contact', '<sip:4001@server>']]);
  holds(!call.isOver);
  // Where they have given it up meanwhile, it is over.
  call.isUnsure = true;
  call.resume();
  wire.answer(wire.request('UPDATE'), 481);
  holds(call.isOver);
}));

test('an answer that was on its way when the connection went is not given', async () => {
  const { wire, call, send } = await answered();
  send('INVITE', '2', [['Contact', '<sip:4001@server>']], 'offer 2');
  call.cut();
  await settle();
  await settle();
  same(wire.sent, []);
  holds(!call.isAnswering);
  call.end();
});
