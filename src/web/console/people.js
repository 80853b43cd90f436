// Numbers and their names, favourites, earlier calls and notes; whose states the switchboard is asked for.
import { signal } from './vendor/preact.js';
import { api } from './api.js';
import { person, text } from './desk/model.js';
import { t } from './words/words.js';

const FAVOURITES_MAX = 200;
/** Between two questions for a name, in ms: the switchboard takes 20 commands a second. */
const NAME_EACH = 120;

/** What could not be loaded is asked for again after so long, in ms. */
const LOAD_AGAIN = 5_000;

/** A call's record is there so long after it, in ms. */
const RECORD_AFTER = 1_500;

/**
 * @typedef {{number: string, name: string, state: string}} Entry
 * @typedef {'favourites' | 'history' | 'earlier' | 'notes'} List
 * @typedef {'' | 'there' | 'missing'} Loaded nothing while it is on its way
 */

export class People {
  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    /** @type {import('./vendor/preact.js').Signal<Map<string, string>>} */
    this.names = signal(new Map());
    this.favourites = signal(/** @type {string[]} */ ([]));
    /** Whether they are those that are kept: what is not loaded is not to be kept in their place. */
    this.hasFavourites = false;
    /** What a search found, and for which text. */
    this.found = signal(/** @type {{text: string, entries: Entry[], more: boolean} | null} */ (null));
    /** The number that earlier calls and notes are of. */
    this.number = signal('');
    this.earlier = signal(/** @type {import('./api.js').Call[]} */ ([]));
    this.notes = signal(/** @type {import('./api.js').Note[]} */ ([]));
    this.history = signal(/** @type {import('./api.js').Call[]} */ ([]));
    /** What of these could be loaded: none is not the same as nothing known. */
    this.loaded = signal(/** @type {Record<List, Loaded>} */ ({ favourites: '', history: '', earlier: '', notes: '' }));
    /** @type {string[]} */
    this.nameless = [];
    this.isNaming = false;
    this.hadCall = false;
    /** The search that is under way. @type {{text: string, done: Promise<void>} | null} */
    this.finding = null;
  }

  /** @param {List} list @param {Loaded} loaded */
  mark(list, loaded) {
    this.loaded.value = { ...this.loaded.peek(), [list]: loaded };
  }

  /** Once more, since the person asks for it. @param {List} list */
  again(list) {
    const load = { favourites: () => this.askFavourites(), history: () => this.loadHistory(), earlier: () => this.loadEarlier(), notes: () => this.loadNotes() };
    this.mark(list, '');
    void load[list]().catch(() => {});
  }

  async load() {
    await Promise.all([this.loadFavourites(), this.loadHistory()]);
  }

  /** Until they are there. */
  async loadFavourites() {
    this.hasFavourites = false;
    const { session } = this.app;
    const whose = session.peek();
    while (!this.hasFavourites && whose && session.peek()?.operator === whose.operator) {
      await this.askFavourites().catch(() => new Promise((resolve) => setTimeout(resolve, LOAD_AGAIN)));
    }
  }

  async askFavourites() {
    const numbers = await api.favourites().catch((/** @type {unknown} */ error) => {
      this.mark('favourites', 'missing');
      throw error;
    });
    this.favourites.value = numbers;
    this.hasFavourites = true;
    this.mark('favourites', 'there');
    this.watch();
  }

  async loadHistory() {
    const history = await api.history().catch(() => null);
    this.mark('history', history ? 'there' : 'missing');
    if (!history) return;
    this.history.value = history;
    for (const { callee } of history) if (callee) this.ask(callee);
  }

  /** The call in hand decides whose notes are shown. @param {import('./desk/model.js').DeskModel} model */
  follow(model) {
    const { call } = model;
    if (this.hadCall && !call) {
      // Its record is written a little later.
      setTimeout(() => void this.loadHistory(), RECORD_AFTER);
    }
    this.hadCall = call !== null;
    const number = call && call.caller.number !== 'anonymous' ? call.caller.number : '';
    if (call?.callee) this.ask(call.callee.number);
    for (const held of model.held) if (held.callee) this.ask(held.callee.number);
    if (number !== this.number.peek()) void this.show(number);
    if (model.isComplete && this.nameless.length > 0 && !this.isNaming) void this.name();
    this.watch();
  }

  /** @param {string} number */
  async show(number) {
    this.number.value = number;
    this.earlier.value = [];
    this.notes.value = [];
    this.mark('earlier', '');
    this.mark('notes', '');
    if (number) await Promise.all([this.loadEarlier(), this.loadNotes()]);
  }

  async loadEarlier() {
    const number = this.number.value;
    const earlier = await api.calls(number).catch(() => null);
    if (this.number.value !== number) return;
    this.mark('earlier', earlier ? 'there' : 'missing');
    if (!earlier) return;
    this.earlier.value = earlier;
    for (const { callee } of earlier) if (callee) this.ask(callee);
  }

  async loadNotes() {
    const number = this.number.value;
    const notes = await api.notes(number).catch(() => null);
    if (this.number.value !== number) return;
    this.mark('notes', notes ? 'there' : 'missing');
    if (notes) this.notes.value = notes;
  }

  /** @param {string} written */
  async addNote(written) {
    const number = this.number.value;
    const note = await api.addNote(number, written);
    if (this.number.value === number) this.notes.value = [note, ...this.notes.value];
  }

  /** @param {number} id */
  async removeNote(id) {
    await api.removeNote(this.number.value, id);
    this.notes.value = this.notes.value.filter((note) => note.id !== id);
  }

  /** @param {string} number */
  async toggle(number) {
    let before = this.favourites.value;
    try {
      if (!this.hasFavourites) await this.askFavourites();
      before = this.favourites.value;
      const after = before.includes(number) ? before.filter((known) => known !== number) : [...before, number].slice(0, FAVOURITES_MAX);
      this.favourites.value = after;
      this.watch();
      await api.keepFavourites(after);
    } catch (error) {
      this.favourites.value = before;
      this.app.say(t('notKept', { why: error instanceof Error ? error.message : '' }), true);
    }
  }

  /** Once for each text, however often it is asked for meanwhile. @param {string} wanted @returns {Promise<void>} */
  find(wanted) {
    if (this.finding?.text === wanted) return this.finding.done;
    const done = this.lookUp(wanted).finally(() => {
      if (this.finding?.done === done) this.finding = null;
    });
    this.finding = { text: wanted, done };
    return done;
  }

  /** @param {string} wanted */
  async lookUp(wanted) {
    const { desk } = this.app;
    if (!desk || !wanted) {
      this.found.value = null;
      this.watch();
      return;
    }
    const result = await desk.command('find', { text: wanted });
    if (!result.ok) {
      this.app.say(this.app.refusal(result), true);
      return;
    }
    const entries = (Array.isArray(result.found) ? result.found : []).slice(0, 20).map((one) => {
      const { number, name } = person(one);
      return { number, name, state: text(/** @type {any} */ (one)?.state) };
    });
    this.learn(entries);
    this.found.value = { text: wanted, entries, more: result.more === true };
    this.watch();
  }

  /** @param {Entry[]} entries */
  learn(entries) {
    const names = new Map(this.names.peek());
    for (const { number, name } of entries) names.set(number, name);
    this.names.value = names;
  }

  /** Favourites, what was found and who is called: their states are shown as they change. */
  watch() {
    const { desk } = this.app;
    if (!desk) return;
    const { call } = desk.model;
    const found = this.found.peek()?.entries.map(({ number }) => number) ?? [];
    const own = call?.callee ? [call.callee.number] : [];
    desk.watch([...own, ...found, ...this.favourites.peek()]);
    for (const number of this.favourites.peek()) this.ask(number);
  }

  /** Asks for the name of a number, once. @param {string} number */
  ask(number) {
    if (!number || this.names.peek().has(number) || this.nameless.includes(number)) return;
    this.nameless.push(number);
    if (!this.isNaming) void this.name();
  }

  async name() {
    this.isNaming = true;
    while (this.nameless.length > 0) {
      const { desk } = this.app;
      // They are asked for when the desk is there.
      if (!desk?.model.isComplete) {
        this.isNaming = false;
        return;
      }
      const number = /** @type {string} */ (this.nameless[0]);
      const result = await desk.command('find', { text: number });
      this.nameless.shift();
      if (!result.ok) break;
      const one = (Array.isArray(result.found) ? result.found : []).map(person).find((found) => found.number === number);
      this.learn([{ number, name: one?.name ?? '', state: '' }]);
      await new Promise((resolve) => setTimeout(resolve, NAME_EACH));
    }
    this.nameless = [];
    this.isNaming = false;
  }

  /** A name, or else the number. @param {string} number */
  named(number) {
    return this.names.value.get(number) || number;
  }

  /** What the directory shows: what was found, else the favourites. @param {string} typed @returns {Entry[]} */
  entries(typed) {
    const found = this.found.value;
    const states = this.app.model.terminals;
    const entries = typed
      ? found?.entries ?? []
      : this.favourites.value.map((number) => ({ number, name: this.names.value.get(number) ?? '', state: '' }));
    return entries.map((entry) => ({ ...entry, state: states.get(entry.number) ?? entry.state }));
  }
}
