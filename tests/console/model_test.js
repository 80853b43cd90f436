import { holds, same, test } from './harness.js';
import { DeskModel, WAITING_MAX, text } from '../../src/web/console/desk/model.js';
import { action, otherParty } from '../../src/web/console/desk/actions.js';

const offer = (/** @type {string} */ request, /** @type {number} */ position, event = 'offer') =>
  ({ event, request, queue: 'main', position, caller: { number: '4001', name: 'Bob', origin: 'terminal' }, since: '2026-01-01T00:00:00Z' });
const call = (/** @type {string} */ request, /** @type {string} */ phase, more = {}) =>
  ({ event: 'call', request, phase, caller: { number: '4001', name: 'Bob', origin: 'terminal' }, ...more });

function desk() {
  const model = new DeskModel();
  model.take({ event: 'welcome', operator: 'op1', phone: '2001' }, 0);
  model.take({ event: 'state', state: 'idle', phone: 'ok' }, 0);
  return model;
}

test('who waits stands by queue and place, and is news once', () => {
  const model = desk();
  same(model.take(offer('r-b', 2), 0), [{ kind: 'news', request: 'r-b' }]);
  model.take(offer('r-a', 1), 0);
  same(model.take(offer('r-b', 3), 0), []);
  same(model.waiting.map(({ request }) => request), ['r-a', 'r-b']);
  holds(model.isWanted);
  model.take({ event: 'withdrawn', request: 'r-a', reason: 'taken' }, 0);
  model.take(offer('r-b', 1, 'waiting'), 0);
  holds(!model.isWanted, 'shown only');
  same(model.waiting[0]?.since, Date.parse('2026-01-01T00:00:00Z'));
});

test('what is left to the others rings no more until it is offered anew', () => {
  const model = desk();
  model.take(offer('r-a', 1), 0);
  model.leave('r-a');
  holds(!model.isWanted && model.waiting.length === 1);
  same(model.take(offer('r-a', 1), 30_000).length, 1);
  holds(model.isWanted);
});

test('a call goes through its phases, and what was measured before a switch is forgotten', () => {
  const model = desk();
  model.take(offer('r-a', 1), 0);
  model.take(call('r-a', 'ringing-you'), 1_000);
  same(model.waiting, []);
  model.take(call('r-a', 'with-caller'), 2_000);
  model.take({ event: 'senses', request: 'r-a', hears_you: ['caller'], you_hear: ['caller'], sees_you: [], you_see: ['caller'] }, 2_000);
  same(model.call?.senses, { hearsYou: ['caller'], youHear: ['caller'], seesYou: [], youSee: ['caller'] });
  model.take({ event: 'health', request: 'r-a', ok: false, blocking: ['callee.video'], caller: { dialog: 'ok', audio: 'ok', video: 'strange', loss_percent: 1.5 } }, 2_500);
  const health = model.call?.health?.parties.get('caller');
  same([health?.dialog, health?.audio, health?.video, health?.loss], [true, 'ok', '', 1.5]);
  model.take(call('r-a', 'consulting', { callee: { number: '3002' } }), 3_000);
  same(model.call?.health, null);
  model.take({ event: 'callee', request: 'r-a', number: '3002', progress: 'ringing' }, 3_000);
  same(model.call?.callee?.progress, 'ringing');
  model.take(call('r-a', 'talking-to-callee', { callee: { number: '3002' } }), 4_000);
  same([model.call?.callee?.progress, model.call?.since, model.call?.began], ['answered', 4_000, 1_000]);
  same(model.take(call('r-a', 'talking-to-callee', { callee: { number: '3002' } }), 9_000), [], 'said twice');
  same(model.call?.since, 4_000);
  const [ended] = model.take(call('r-a', 'ended', { reason: 'handed-over' }), 10_000);
  same([ended?.kind, model.call], ['ended', null]);
});

test('what one has fetched back from a failed consultation is forgotten with the caller', () => {
  const model = desk();
  model.take(call('r-a', 'consulting', { callee: { number: '3002' } }), 0);
  model.take({ event: 'callee', request: 'r-a', number: '3002', progress: 'busy' }, 0);
  holds(model.call?.callee?.progress === 'busy');
  model.take(call('r-a', 'with-caller'), 0);
  same(model.call?.callee, null);
});

test('a page that was loaded anew knows for how long a call has gone on', () => {
  const model = desk();
  model.take(call('r-a', 'with-caller'), 5);
  model.take(call('r-a', 'in-hand'), 6);
  model.take(call('r-b', 'with-caller'), 7);
  const next = desk();
  next.begun = model.begins();
  next.take(call('r-b', 'ringing-you'), 90);
  next.take(call('r-c', 'in-hand'), 90);
  same([next.call?.began, next.held[0]?.began, model.begins()], [7, 90, { 'r-a': 5, 'r-b': 7 }]);
});

test('calls in hand and parked are apart from the one at the ear', () => {
  const model = desk();
  model.take(call('r-a', 'with-caller'), 0);
  model.take(call('r-a', 'in-hand'), 1);
  model.take(call('r-b', 'with-caller'), 2);
  same([model.call?.request, model.held.map(({ request }) => request)], ['r-b', ['r-a']]);
  same(model.current?.request, 'r-b');
  same(model.take(call('r-b', 'parked'), 3).map(({ kind }) => kind), ['parked']);
  model.take({ event: 'parked', request: 'r-b', by: 'op1', caller: { number: '4002' }, number: '3002', since: 'never' }, 3);
  same([model.call, model.parked[0]?.wanted, model.parked[0]?.since, model.current?.request], [null, '3002', 3, 'r-a']);
  model.take(call('r-a', 'with-caller'), 4);
  same([model.held.length, model.call?.request, model.call?.began], [0, 'r-a', 0]);
  model.take(call('r-b', 'ringing-you'), 5);
  same(model.parked, []);
});

test('a connection that was lost costs no call its time', () => {
  const model = desk();
  model.take(call('r-a', 'with-caller'), 10);
  model.take({ event: 'senses', request: 'r-a', hears_you: ['caller'] }, 10);
  model.lose();
  same([model.state, model.call?.request, model.call?.senses], ['', 'r-a', null]);
  model.take({ event: 'welcome', operator: 'op1', phone: '2001' }, 40);
  same(model.call, null);
  model.take(call('r-a', 'with-caller'), 40);
  model.take({ event: 'snapshot-end' }, 40);
  same([model.call?.since, model.call?.began, model.isComplete], [10, 10, true]);
});

test('a thousand waiting calls are enough', () => {
  const model = desk();
  const before = Date.now();
  for (let n = WAITING_MAX + 500; n > 0; n -= 1) model.take(offer(`r-${n}`, n), 0);
  same(model.waiting.length, WAITING_MAX);
  holds(model.waiting.every((waiting, n, all) => n === 0 || waiting.position > (all[n - 1]?.position ?? 0)));
  holds(Date.now() - before < 3_000);
});

test('what is odd changes nothing and breaks nothing', () => {
  const model = desk();
  const odd = [null, 7, '', 'x', [], {}, { number: 7 }, [['a']], true, Number.NaN, '\u202e'];
  for (const event of ['welcome', 'state', 'offer', 'waiting', 'withdrawn', 'call', 'parked', 'recall', 'callee', 'health', 'senses', 'queue', 'terminal', 'notice', 'new-thing']) {
    for (const value of odd) {
      model.take({ event, request: value, caller: value, callee: value, position: value, since: value, phase: value, queue: value, number: value,
        progress: value, hears_you: value, blocking: value, text: value, phone: value, state: value, seconds: value, ok: value, operator: value }, 0);
    }
  }
  for (const value of odd) model.take(/** @type {any} */ ({ event: value }), 0);
});

test('a name cannot paint the page', () => {
  same(text('\u001b[2J\u202eevil\r\n'), '[2Jevil');
  same(text('x'.repeat(1_000)).length, 200);
  same(text({ toString: () => 'x' }), '');
});

test('what can be done follows from the phase', () => {
  const model = desk();
  same(action(model, 'take', 1), { can: false, isShown: true, why: 'nobodyWaits' });
  model.take(offer('r-a', 1), 0);
  holds(action(model, 'take', 1).can);
  model.take(call('r-a', 'with-caller'), 0);
  holds(action(model, 'consult', 1).can && !action(model, 'connect', 1).can && !action(model, 'park', 1).isShown && action(model, 'park', 2).can);
  model.take(offer('r-b', 1), 0);
  same(action(model, 'take', 1).why, 'inACall');
  holds(action(model, 'take', 2).can);
  model.take(call('r-a', 'connected', { callee: { number: '3002' } }), 0);
  holds(action(model, 'release', 1).can, 'nothing is known yet: the switchboard judges');
  model.take({ event: 'health', request: 'r-a', ok: false, blocking: ['callee.audio'] }, 0);
  same(action(model, 'release', 1).why, 'notHealthy');
  model.take({ event: 'health', request: 'r-a', ok: true, blocking: [] }, 0);
  holds(action(model, 'release', 1).can);
  same(otherParty(model), 'caller');
  model.take(call('r-a', 'alternated', { callee: { number: '3002' } }), 0);
  same(otherParty(model), 'callee');
  model.lose();
  same(action(model, 'release', 1).why, 'noSwitchboard');
});

test('of more numbers than are kept those that are known go on', () => {
  const model = desk();
  for (let n = 0; n <= WAITING_MAX; n += 1) model.take({ event: 'terminal', number: `${n}`, state: 'free' }, 0);
  model.take({ event: 'terminal', number: '7', state: 'talking' }, 0);
  same([model.terminals.size, model.terminals.get('7')], [WAITING_MAX, 'talking']);
  model.watches(['7', '8']);
  same([...model.terminals], [['7', 'talking'], ['8', 'free']]);
});
