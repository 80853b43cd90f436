import { holds, same, test, withClock } from './harness.js';
import { FakeWire } from './wire.js';
import { Registration } from '../../src/web/console/sip/registration.js';

test('a phone registers under its instance and again before that is over', () => withClock(async ({ pass }) => {
  const wire = new FakeWire();
  const registration = new Registration(wire.agent, '2001');
  registration.begin();
  const first = wire.request('REGISTER');
  const contact = first.headers.get('contact') ?? '';
  holds(contact.includes('+sip.instance="<urn:uuid:0>"') && contact.includes('reg-id=1') && contact.includes('expires=300'), contact);
  wire.answer(first, 200, [['Contact', `<sip:other@host>;expires=7, ${contact.replace('expires=300', 'expires=100')}`]]);
  same(registration.state, 'registered');
  await pass(49_000);
  same(wire.sent.length, 0);
  await pass(2_000);
  const second = wire.request('REGISTER');
  same(second.headers.get('call-id'), first.headers.get('call-id'));
  same(second.headers.get('cseq'), '2 REGISTER');
}));

test('a longer time is taken where the switchboard wants one', () => {
  const wire = new FakeWire();
  const registration = new Registration(wire.agent, '2001');
  registration.begin();
  wire.answer(wire.request('REGISTER'), 423, [['Min-Expires', '600']]);
  holds(wire.request('REGISTER').headers.get('contact')?.includes('expires=600'));
});

test('a refusal is told, and asked about again', () => withClock(async ({ pass }) => {
  const wire = new FakeWire();
  const registration = new Registration(wire.agent, '2001');
  registration.begin();
  wire.answer(wire.request('REGISTER'), 403);
  same(registration.state, 'refused');
  await pass(2_100);
  wire.request('REGISTER');
}));

test('what a lost connection says of an old attempt is nothing', () => withClock(async ({ pass }) => {
  const wire = new FakeWire();
  const registration = new Registration(wire.agent, '2001');
  wire.agent.onDown = () => registration.lose();
  registration.begin();
  wire.request('REGISTER');
  wire.onDown();
  same(registration.state, 'none');
  await pass(100_000);
  same(wire.sent.length, 0);
}));

test('logging out takes it away', async () => {
  const wire = new FakeWire();
  const registration = new Registration(wire.agent, '2001');
  registration.begin();
  wire.answer(wire.request('REGISTER'), 200);
  const ending = registration.end();
  const last = wire.request('REGISTER');
  holds(last.headers.get('contact')?.includes('expires=0'));
  wire.answer(last, 200);
  await ending;
  same(registration.state, 'none');
});
