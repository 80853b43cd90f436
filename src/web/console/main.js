// The page begins here.
import { render, html } from './vendor/preact.js';
import { App } from './app.js';
import { pressed } from './commands.js';
import { Root } from './view/root.js';
import { speak } from './words/words.js';

const app = new App();
const words = speak();
const begun = app.begin();
await words;
render(html`<${Root} app=${app} />`, /** @type {Element} */ (document.getElementById('page')));
addEventListener('keydown', (press) => pressed(app, press));
await begun;
