// How often a caller is looked at who may send a picture: the less often, the longer nothing has come.

/** Between two looks at one caller, in ms: the switchboard makes no more stills. */
export const LOOK_EACH = 2_000;
/** The same while there is nothing to see, at most. */
export const LOOK_EACH_MAX = 30_000;

/** What is asked for goes out one by one, so that a page has one request before the switchboard, whoever waits. */
let line = Promise.resolve(false);

export class Looks {
  /** Looks at once, and again and again. @param {() => Promise<boolean>} look whether there is something to see */
  constructor(look) {
    this.look = look;
    this.each = LOOK_EACH / 2;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.isOver = false;
    void this.turn();
  }

  async turn() {
    this.timer = undefined;
    line = line.then(() => !this.isOver && this.look()).catch(() => false);
    const isThere = await line;
    if (this.isOver) return;
    this.each = isThere ? LOOK_EACH : Math.min(2 * this.each, LOOK_EACH_MAX);
    this.timer = setTimeout(() => void this.turn(), this.each);
  }

  /** Something was heard of the caller: there may be more to see than before. */
  anew() {
    this.each = LOOK_EACH / 2;
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.turn(), LOOK_EACH);
  }

  close() {
    this.isOver = true;
    clearTimeout(this.timer);
  }
}
