// How sound and picture of each party arrive, as bars.
import { html } from '../vendor/preact.js';
import { partyName } from '../sentences.js';
import { figure, t } from '../words/words.js';

/** How much of a bar is full. @type {Record<string, number>} */
const FULL = { ok: 3, poor: 2, none: 0, absent: 0, '': 0 };
/** Losses from which they are told and seen, in percent. */
const LOSS_POOR = 1;
const LOSS_BAD = 5;

/** Who waits in this phase: nobody looks at that picture, so that none comes. @param {string} phase */
function waitingParty(phase) {
  if (phase === 'consulting' || phase === 'talking-to-callee') return 'caller';
  return phase === 'alternated' ? 'callee' : '';
}

/** @param {{app: import('../app.js').App, call: import('../desk/model.js').InHand, health: import('../desk/model.js').Health}} props */
export function HealthBars({ app, call, health }) {
  return html`<table class="health"><caption>${t('health')}</caption>
    <thead><tr><td></td><th scope="col">${t('sound')}</th><th scope="col">${t('video')}</th><th scope="col">${t('loss')}</th></tr></thead>
    <tbody>${[...health.parties].map(([party, one]) => html`<tr key=${party}>
      <th scope="row">${partyName(party, call, app)}</th>
      <td><${Bar} quality=${one.audio} more=${[one.codec, one.isConverted && t('converted'), one.rtt !== null && t('away', { n: figure(one.rtt) })]} /></td>
      <td><${Bar} quality=${one.video} isIdle=${one.video === 'none' && party === waitingParty(call.phase)} more=${[one.fps !== null && t('fps', { n: figure(one.fps) })]} /></td>
      <td><${Loss} loss=${one.loss} /></td></tr>`)}</tbody></table>`;
}

/** @param {{quality: string, more: (string | false)[], isIdle?: boolean}} props */
function Bar({ quality, more, isIdle = false }) {
  if (isIdle) return html`<span class="q muted">${t('waits')}</span>`;
  const full = FULL[quality] ?? 0;
  const word = t(`q-${quality}`);
  const details = more.filter(Boolean).join(' · ');
  return html`<span class="bar ${quality || 'unknown'}" aria-hidden="true">${[1, 2, 3].map((n) => html`<i class=${n <= full ? 'full' : ''}></i>`)}</span>
    <span class="q">${word}</span>${details && html` <small>${details}</small>`}`;
}

/** @param {{loss: number | null}} props */
function Loss({ loss }) {
  if (loss === null) return html`<span class="q">–</span>`;
  const quality = loss >= LOSS_BAD ? 'none' : loss >= LOSS_POOR ? 'poor' : 'ok';
  return html`<span class="q loss ${quality}">${figure(loss, 1)} %</span>`;
}
