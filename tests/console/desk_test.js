import { holds, same, test, withClock } from './harness.js';
import { FakeWire, inDialog } from './wire.js';
import { Desk } from '../../src/web/console/desk/desk.js';

/** @type {[string, string][]} */
const GOOD = [['Contact', '<sip:desk@server>'], ['Recv-Info', 'operator-desk'], ['Session-Expires', '90;refresher=uac']];
/** @type {[string, string][]} */
const INFO = [['Info-Package', 'operator-desk'], ['Content-Type', 'application/vnd.cordboard.desk+json']];

function begun(phone = '2001') {
  const wire = new FakeWire();
  const desk = new Desk(wire.agent, 'op1', () => 0);
  wire.agent.onDown = () => desk.disconnected();
  desk.start(phone);
  return { wire, desk, ...answer(wire) };
}

/** @param {FakeWire} wire */
function answer(wire) {
  const invite = wire.request('INVITE');
  wire.answer(invite, 200, GOOD);
  wire.request('ACK');
  const info = wire.request('INFO');
  wire.answer(info, 200);
  const say = (/** @type {object} */ message) => {
    inDialog(wire, invite, 'INFO', INFO, JSON.stringify(message));
    wire.response(200);
  };
  return { invite, hello: JSON.parse(info.body), say };
}

test('the desk says hello first, with its phone', () => {
  const { hello } = begun();
  same([hello.do, hello.phone], ['hello', '2001']);
});

test('each command has an id of its own and gets its own result', async () => {
  const { wire, desk, say } = begun();
  const [a, b] = [desk.command('take', { request: 'r-1' }), desk.command('take', { request: 'r-2' })];
  const ids = [wire.request('INFO'), wire.request('INFO')].map(({ body }) => JSON.parse(body).id);
  holds(ids[0] !== ids[1] && desk.isPending('take', 'r-2') && !desk.isPending('take', 'r-3'));
  say({ re: ids[1], ok: false, error: 'already-taken' });
  say({ re: ids[0], ok: true });
  same([(await a).ok, (await b).error], [true, 'already-taken']);
  holds(!desk.isPending('take'));
});

test('a result that never comes is told', () => withClock(async ({ pass }) => {
  const { desk } = begun();
  const asked = desk.command('ready', {});
  await pass(10_100);
  same((await asked).error, 'no-answer');
}));

test('an event that is missing asks for all of them, one that came before is not taken again', () => {
  const { wire, desk, say } = begun();
  say({ seq: 1, event: 'welcome', operator: 'op1' });
  say({ seq: 2, event: 'state', state: 'idle' });
  say({ seq: 2, event: 'state', state: 'busy' });
  same(desk.model.state, 'idle');
  say({ seq: 4, event: 'notice', text: 'x' });
  same(JSON.parse(wire.request('INFO').body).do, 'hello');
});

test('a lost desk calls again, ever more slowly, and says hello again', () => withClock(async ({ pass }) => {
  const { wire, desk, invite } = begun();
  const waiting = desk.command('ready', {});
  wire.request('INFO');
  inDialog(wire, invite, 'BYE');
  wire.response(200);
  same((await waiting).error, 'no-switchboard');
  await pass(250);
  wire.answer(wire.request('INVITE'), 503);
  wire.request('ACK');
  await pass(250);
  same(wire.sent.length, 0, 'too early');
  await pass(250);
  same(answer(wire).hello.do, 'hello');
}));

test('who is evicted does not come back by itself', () => withClock(async ({ pass }) => {
  const { wire, desk, invite, say } = begun();
  say({ seq: 1, event: 'evicted' });
  inDialog(wire, invite, 'BYE');
  wire.response(200);
  await pass(60_000);
  same(wire.sent.length, 0);
  holds(!desk.isOn);
}));

test('a phone that the switchboard does not give stops the desk', async () => {
  const { wire, desk, say, hello } = begun('2009');
  /** @type {any[]} */
  const refused = [];
  desk.onRefused = (status, result) => refused.push([status, result?.error]);
  say({ re: hello.id, ok: false, error: 'refused', text: 'in use' });
  await new Promise((resolve) => setTimeout(resolve, 0));
  wire.request('BYE');
  same(refused, [[0, 'refused']]);
});

test('why the switchboard takes no desk is told as it says it', () => {
  const wire = new FakeWire();
  const desk = new Desk(wire.agent, 'op1', () => 0);
  /** @type {any[]} */
  const refused = [];
  desk.onRefused = (...all) => refused.push(all);
  desk.start(undefined);
  wire.answer(wire.request('INVITE'), 403);
  same([refused, desk.isOn], [[[403, null, 'Because']], false]);
});

test('the switchboard is told once whom to watch, and again after each snapshot', () => {
  const { wire, desk, say } = begun();
  desk.watch(['3002', '3001', '3002']);
  same(wire.sent.length, 0, 'before the snapshot');
  say({ seq: 1, event: 'snapshot-end' });
  same(JSON.parse(wire.request('INFO').body).numbers, ['3001', '3002']);
  desk.watch(['3001', '3002']);
  same(wire.sent.length, 0, 'the same again');
  say({ seq: 2, event: 'snapshot-end' });
  wire.request('INFO');
});

test('results and events that are odd break nothing', () => {
  const { say, desk } = begun();
  for (const message of [{ re: 7 }, { re: 'nobody', ok: true }, { seq: 'x', event: 'notice' }, { seq: -1, event: 'offer' }, { seq: 1e300, event: 7 }, {}]) say(message);
  holds(desk.isOn);
});

test('a desk that is cut off before its welcome is called ever more slowly', () => withClock(async ({ pass }) => {
  const { wire, desk, invite } = begun();
  const cut = (/** @type {any} */ ours) => {
    inDialog(wire, ours, 'BYE');
    wire.response(200);
  };
  cut(invite);
  for (const least of [150, 310, 630]) {
    await pass(least);
    same(wire.sent.length, 0, `after ${least} ms`);
    await pass(least);
    cut(answer(wire).invite);
  }
  await pass(2_000);
  answer(wire).say({ seq: 1, event: 'welcome', operator: 'op1' });
  same(desk.pause, 200);
}));

test('a command whose connection goes has no switchboard', async () => {
  const { wire, desk } = begun();
  const asked = desk.command('ready', {});
  wire.answer(wire.request('INFO'), 408);
  same((await asked).error, 'no-switchboard');
});
