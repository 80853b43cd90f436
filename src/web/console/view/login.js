// Who are you?
import { html, useRef, useState } from '../vendor/preact.js';
import { t } from '../words/words.js';
import { Language } from './cards.js';

/** @param {{app: import('../app.js').App}} props */
export function Login({ app }) {
  const [isBusy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));
  const trouble = app.loginTrouble.value;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy || !form.current) return;
    const fields = new FormData(form.current);
    setBusy(true);
    await app.logIn(String(fields.get('operator')).trim(), String(fields.get('secret')));
    setBusy(false);
    // What was wrong is written over.
    secret.current?.select();
  };
  return html`<main class="sheet">
    <h1>${t('title')}</h1>
    <form ref=${form} onSubmit=${submit}>
      <label class="field"><span>${t('operator')}</span>
        <input name="operator" autocomplete="username" required autocapitalize="none" spellcheck=${false} maxlength="64" /></label>
      <label class="field"><span>${t('password')}</span>
        <input ref=${secret} name="secret" type="password" autocomplete="current-password" required maxlength="256" /></label>
      <p class="trouble" role="alert">${trouble}</p>
      <button class="main" aria-disabled=${isBusy ? 'true' : 'false'}>${t(isBusy ? 'loggingIn' : 'logIn')}</button>
    </form>
    <${Language} />
  </main>`;
}
