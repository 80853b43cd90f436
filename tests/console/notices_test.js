import { Notices } from '../../src/web/console/notices.js';
import { same, test } from './harness.js';

/** A browser whose page is hidden or not, and that lets notifications be shown or not. @param {{isHidden: boolean, may: string}} how
 * @param {(shown: {title: string, body: string, isOpen: boolean}[]) => void} run */
function withBrowser({ isHidden, may }, run) {
  /** @type {{title: string, body: string, isOpen: boolean}[]} */
  const shown = [];
  class Shown {
    static permission = may;

    /** @param {string} title @param {{body: string}} options */
    constructor(title, { body }) {
      this.entry = { title, body, isOpen: true };
      shown.push(this.entry);
    }

    close() { this.entry.isOpen = false; }
  }
  const world = /** @type {any} */ (globalThis);
  const before = ['document', 'Notification'].map((name) => /** @type {const} */ ([name, Object.getOwnPropertyDescriptor(world, name)]));
  Object.defineProperty(world, 'Notification', { value: Shown, configurable: true });
  const visibilityState = isHidden ? 'hidden' : 'visible';
  if (world.document) Object.defineProperty(world.document, 'visibilityState', { value: visibilityState, configurable: true });
  else Object.defineProperty(world, 'document', { value: { visibilityState }, configurable: true });
  try {
    run(shown);
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor?.configurable) Object.defineProperty(world, name, descriptor);
      else if (!descriptor) delete world[name];
    }
    if (world.document) delete world.document.visibilityState;
  }
}

test('a hidden page shows one notice of each kind, and takes it back', () => {
  withBrowser({ isHidden: true, may: 'granted' }, (shown) => {
    const notices = new Notices();
    notices.show('offer', 'Bob waits', 'main');
    notices.show('call', 'The call is over', '');
    notices.show('offer', 'Eve waits', 'main');
    same(shown.map(({ title, isOpen }) => [title, isOpen]), [['Bob waits', false], ['The call is over', true], ['Eve waits', true]]);
    notices.close('offer');
    notices.close('offer');
    same(shown.map(({ isOpen }) => isOpen), [false, true, false]);
  });
});

test('a page that is seen, or may not, shows none', () => {
  for (const how of [{ isHidden: false, may: 'granted' }, { isHidden: true, may: 'default' }, { isHidden: true, may: 'denied' }]) {
    withBrowser(how, (shown) => {
      new Notices().show('offer', 'Bob waits', 'main');
      same(shown, []);
    });
  }
});
