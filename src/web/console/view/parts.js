// Small pieces of the page.
import { html, useEffect, useRef } from '../vendor/preact.js';
import { sendTo } from '../phone/devices.js';
import { signOf } from '../desk/keys.js';
import { span, t } from '../words/words.js';

/** The key of a command, beside its name. @param {{app: import('../app.js').App, name: string}} props */
export function Key({ app, name }) {
  const sign = signOf(name, app.keys.value);
  return sign ? html`<kbd aria-hidden="true">${sign}</kbd>` : null;
}

/** A span of time that goes on by itself. @param {{app: import('../app.js').App, since: number}} props */
export function Since({ app, since }) {
  return html`<span class="time">${span(app.serverNow() - since)}</span>`;
}

/**
 * A moving picture. @param {{stream: MediaStream | null, label: string, mirrored?: boolean}} props
 */
export function Picture({ stream, label, mirrored = false }) {
  const element = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    if (element.current && element.current.srcObject !== stream) element.current.srcObject = stream;
  }, [stream]);
  return html`<video ref=${element} class=${mirrored ? 'mirrored' : ''} aria-label=${label} autoplay playsinline muted></video>`;
}

/** A voice, on the device that was chosen for it. @param {{stream: MediaStream | null, device: string}} props */
export function Voice({ stream, device }) {
  const element = useRef(/** @type {HTMLAudioElement | null} */ (null));
  useEffect(() => {
    const audio = element.current;
    if (!audio) return;
    audio.srcObject = stream;
    if (stream) void audio.play().catch(() => {});
  }, [stream]);
  useEffect(() => {
    if (element.current) sendTo(element.current, device);
  }, [device]);
  return html`<audio ref=${element} autoplay></audio>`;
}

/** How loud the microphone is: drawn ten times a second, and nothing else with it. @param {{app: import('../app.js').App}} props */
export function Level({ app }) {
  const level = app.meter.level.value;
  return html`<meter class="level" min="0" max="1" value=${level} aria-label=${t('level')}>${Math.round(level * 100)} %</meter>`;
}

/** One choice of several. @param {{label: string, value: string, options: {value: string, text: string}[], onChoose: (value: string) => void}} props */
export function Choice({ label, value, options, onChoose }) {
  return html`<label class="field"><span>${label}</span>
    <select value=${value} onChange=${(/** @type {Event} */ event) => onChoose(/** @type {HTMLSelectElement} */ (event.target).value)}>
      ${options.map((option) => html`<option value=${option.value} selected=${option.value === value}>${option.text}</option>`)}
    </select></label>`;
}

/** A window over the page; the browser keeps the focus in it and gives it back. @param {{title: string, onClose: () => void, children?: unknown, onKey?: (event: KeyboardEvent) => void}} props */
export function Card({ title, onClose, children, onKey }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const isGone = useRef(false);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      // Its event of closing comes later, when the next card may be there.
      isGone.current = true;
      if (dialog?.open) dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`<dialog ref=${element} class="card" aria-label=${title} onClose=${() => !isGone.current && onClose()}
      onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }} onKeyDown=${onKey}>
    <h2>${title}</h2>${children}</dialog>`;
}

/** What could not be loaded says so, and may be tried again. @param {{app: import('../app.js').App, list: import('../people.js').List}} props */
export function Missing({ app, list }) {
  if (app.people.loaded.value[list] !== 'missing') return null;
  const again = (/** @type {MouseEvent} */ event) => {
    // The button goes: whoever has it in focus stays at this list.
    const title = /** @type {HTMLElement} */ (event.currentTarget).closest('section')?.querySelector('h2');
    title?.setAttribute('tabindex', '-1');
    title?.focus();
    app.people.again(list);
  };
  return html`<p class="note trouble">${t('notLoaded')} <button class="plain" onClick=${again}>${t('tryAgain')}</button></p>`;
}
