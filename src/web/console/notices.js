// What the system shows while the page is hidden: one of each kind, and none longer than it holds.

export class Notices {
  constructor() {
    /** @type {Map<string, Notification>} */
    this.shown = new Map();
  }

  /** @param {string} kind @param {string} title @param {string} body */
  show(kind, title, body) {
    this.close(kind);
    if (document.visibilityState === 'visible' || typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
    try {
      // One in the place of another is heard, too; not in each browser's types yet.
      const options = { body, tag: `cordboard-${kind}`, renotify: true };
      const notification = new Notification(title, options);
      this.shown.set(kind, notification);
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    } catch {
      // Some browsers of phones show them from a service worker only.
    }
  }

  /** @param {string} kind */
  close(kind) {
    this.shown.get(kind)?.close();
    this.shown.delete(kind);
  }
}
