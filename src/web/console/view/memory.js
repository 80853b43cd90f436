// What is known of the caller: earlier calls and notes; without a call one's own calls.
import { html, useState } from '../vendor/preact.js';
import { apart, has, span, t, when } from '../words/words.js';
import { Missing } from './parts.js';

/** @param {{app: import('../app.js').App}} props */
export function Memory({ app }) {
  const number = app.people.number.value;
  if (!number) return html`<${Calls} app=${app} title=${t('history')} calls=${app.people.history.value} list="history" />`;
  return html`<${Notes} key=${number} app=${app} number=${number} /><${Calls} app=${app} title=${t('earlier')} calls=${app.people.earlier.value} list="earlier" />`;
}

/** @param {{app: import('../app.js').App, title: string, calls: import('../api.js').Call[], list: 'history' | 'earlier'}} props */
function Calls({ app, title, calls, list }) {
  const own = list === 'history';
  return html`<section class="calls"><h2>${title}</h2>
    <${Missing} app=${app} list=${list} />
    ${calls.length === 0 && app.people.loaded.value[list] === 'there' && html`<p class="note">${t('noEarlier')}</p>`}
    <ul>${calls.map((call) => html`<li key=${call.at + call.caller}>
      <span class="who">${own ? apart(call.caller_name || call.caller) : ''}${call.callee ? `${own ? ' → ' : '→ '}${apart(app.people.named(call.callee))}` : ''}${!own && call.operator ? html` <small>${call.operator}</small>` : ''}</span>
      <span class="outcome">${has(`o-${call.outcome}`) ? t(`o-${call.outcome}`) : String(call.outcome).replaceAll('-', ' ')}${call.talked > 0 ? ` · ${span(call.talked * 1_000)}` : ''}</span>
      <time datetime=${call.at}>${when(call.at, app.now.value)}</time></li>`)}</ul></section>`;
}

/** @param {{app: import('../app.js').App, number: string}} props */
function Notes({ app, number }) {
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const keep = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!text.trim() || isBusy) return;
    setBusy(true);
    try {
      await app.people.addNote(text.trim());
      setText('');
    } catch (error) {
      app.say(t('notKept', { why: error instanceof Error ? error.message : '' }), true);
    }
    setBusy(false);
  };
  const remove = (/** @type {number} */ id) => app.people.removeNote(id).catch((/** @type {Error} */ error) => app.say(t('notKept', { why: error.message }), true));
  return html`<section class="notes"><h2>${t('notes')}</h2>
    <${Missing} app=${app} list="notes" />
    ${app.people.notes.value.length === 0 && app.people.loaded.value.notes === 'there' && html`<p class="note">${t('noNotes', { number })}</p>`}
    <ul>${app.people.notes.value.map((note) => html`<li key=${note.id}><p>${note.text}</p>
      <small>${note.by} · ${when(note.at, app.now.value)}</small>
      <button class="plain" aria-label=${t('removeNote')} title=${t('removeNote')} onClick=${() => void remove(note.id)}>✕</button></li>`)}</ul>
    <form onSubmit=${keep}><input aria-label=${t('newNote', { number })} placeholder=${t('newNote', { number })} maxlength="1000" value=${text}
      onInput=${(/** @type {Event} */ event) => setText(/** @type {HTMLInputElement} */ (event.target).value)} />
      <button aria-disabled=${isBusy || !text.trim() ? 'true' : 'false'}>${t('addNote')}</button></form></section>`;
}
