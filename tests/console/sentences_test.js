import { holds, same, speakEnglish, test } from './harness.js';
import { DeskModel } from '../../src/web/console/desk/model.js';
import { inOurWords, sensesOf } from '../../src/web/console/sentences.js';

test('an ordinary call of the phone says who hears and sees the operator, until the two talk no more', async () => {
  await speakEnglish();
  const model = new DeskModel();
  model.take({ event: 'welcome', operator: 'op1', phone: '2001' }, 0);
  const call = (/** @type {string} */ phase) => model.take({ event: 'call', request: 'r-a', phase, caller: { number: '4001', name: 'Bob', origin: 'terminal' } }, 0);
  const senses = (/** @type {string} */ direct, /** @type {string} */ name, /** @type {Record<string, unknown>} */ lists) =>
    model.take({ event: 'senses', direct, partner: { number: '3002', name }, hears_you: [], you_hear: [], sees_you: [], you_see: [], ...lists }, 0);
  const app = /** @type {any} */ ({ phone: { value: null }, people: { named: (/** @type {string} */ number) => number } });
  const said = () => {
    const found = sensesOf(model, app);
    return found && [found.text, found.me, found.them, found.names.join()];
  };
  same(said(), null, 'a desk phone may be in a call that nobody tells of');
  senses('call-7', 'Ada', { hears_you: ['callee'], sees_you: ['callee'], you_hear: ['callee'] });
  same(said(), ['Ada hears and sees you', 'both', 'part', 'Ada']);
  holds(model.isSeen);
  senses('call-8', '', { hears_you: ['caller'] });
  same(said(), ['Ada hears and sees you · 3002 hears you', 'both', 'part', 'Ada'], 'on another line');
  call('with-caller');
  same(said(), null, 'of one of them nothing is known yet');
  model.take({ event: 'senses', request: 'r-a', hears_you: ['caller'], you_hear: ['caller'], sees_you: [], you_see: [] }, 0);
  holds(said()?.[0]?.includes('Ada hears and sees you'), 'the one at the ear and the other');
  call('ended');
  senses('call-7', 'Ada', {});
  model.take({ event: 'senses', direct: 'call-8', hears_you: [], you_hear: [], sees_you: [], you_see: [] }, 0);
  same(said(), ['Nobody hears or sees you', 'none', 'none', '']);
  senses('call-7', 'Ada', { hears_you: ['callee'] });
  model.take({ event: 'welcome', operator: 'op1', phone: '2001' }, 0);
  same([said(), model.isSeen], [null, false], 'the switchboard says anew what is');
  senses('call-9', 'Ada', { hears_you: ['callee'], you_hear: ['callee'] });
  senses('call-10', 'Ada', { sees_you: ['caller'] });
  senses('call-9', 'Ada', { hears_you: ['callee'] });
  same(said(), ['Ada hears you · Ada sees you, but does not hear you', 'part', 'none', ''], 'two of the same name');
});

test('what the switchboard says in English is said in the language of the page', async () => {
  await speakEnglish();
  same(inOurWords('operator op2 took it'), 'op2 took it');
  same(inOurWords('you may have one call at a time: this is for operators with more'), 'You may have one call at a time.');
  same(inOurWords('level A does not admit callers of level B, and no permit is given'), 'level A does not admit callers of level B, and no permit is given');
  same(inOurWords('4001 waits in your hand for 30 s'), '4001 has waited in hand for 30 s.');
  same(inOurWords('something new'), 'something new');
});
