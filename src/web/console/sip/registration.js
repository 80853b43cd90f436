// The phone's registration (RFC 3261 §10, RFC 5626): anew on each connection, and before it runs out.
//
//   none ── connection ──▶ registering ── 200 ──▶ registered ── half of it is over, or a new connection ──▶ registering
//                              └── refused ──▶ refused ── 2 to 60 s ──▶ registering
import { Headers, bare, split } from './message.js';
import { firstRequest } from './dialog.js';
import { readParams } from './address.js';
import { isSuccess } from './transactions.js';
import { ALLOW } from './agent.js';

/** For so many seconds, where the switchboard gives no other. */
const EXPIRES = 300;
const AGAIN = 2_000;
const AGAIN_MAX = 60_000;

/** @typedef {'none' | 'registering' | 'registered' | 'refused'} RegistrationState */

export class Registration {
  /** @param {import('./agent.js').Agent} agent @param {string} number */
  constructor(agent, number) {
    this.agent = agent;
    const { domain } = agent;
    const address = `<sip:${number}@${domain}>`;
    this.first = firstRequest('REGISTER', `sip:${domain}`, address, address);
    this.count = 0;
    this.expires = EXPIRES;
    this.pause = AGAIN;
    /** @type {RegistrationState} */
    this.state = 'none';
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** Called at each change. @type {(status: number) => void} */
    this.onChange = () => {};
  }

  /** @param {number} expires in seconds; 0 takes it away @param {(response: import('./message.js').Response) => void} then */
  send(expires, then) {
    clearTimeout(this.timer);
    this.count += 1;
    const { contact, instance } = this.agent;
    const lines = this.first.headers.lines.filter(([name]) => name !== 'CSeq');
    const headers = new Headers([...lines]);
    headers.add('CSeq', `${this.count} REGISTER`);
    headers.add('Contact', `${contact};+sip.instance="<${instance}>";reg-id=1;expires=${expires}`);
    headers.add('Supported', 'path, outbound').add('Allow', ALLOW);
    this.agent.request({ ...this.first, headers }, then);
  }

  begin() {
    this.become('registering', 0);
    const count = this.count + 1;
    this.send(this.expires, (response) => {
      // An older one that failed with its connection says nothing any more.
      if (response.status < 200 || count !== this.count || this.state === 'none') return;
      this.answered(response);
    });
  }

  /** @param {import('./message.js').Response} response */
  answered(response) {
    const least = Number(response.headers.get('min-expires'));
    if (response.status === 423 && least > this.expires && least <= 86_400) {
      this.expires = least;
      this.begin();
    } else if (isSuccess(response)) {
      this.pause = AGAIN;
      this.timer = setTimeout(() => this.begin(), granted(response, this.agent.user, this.expires) * 500);
      this.become('registered', response.status);
    } else {
      this.timer = setTimeout(() => this.begin(), this.pause);
      this.pause = Math.min(this.pause * 2, AGAIN_MAX);
      this.become('refused', response.status);
    }
  }

  /** The connection is gone. */
  lose() {
    clearTimeout(this.timer);
    this.become('none', 0);
  }

  /** Takes it away. @returns {Promise<void>} when that is answered */
  end() {
    const was = this.state;
    this.lose();
    if (was === 'none') return Promise.resolve();
    return new Promise((resolve) => this.send(0, (response) => response.status >= 200 && resolve()));
  }

  /** @param {RegistrationState} state @param {number} status */
  become(state, status) {
    this.state = state;
    this.onChange(status);
  }
}

/** For how long our contact stands, in seconds. @param {import('./message.js').Response} response @param {string} user @param {number} asked */
function granted(response, user, asked) {
  const own = response.headers.all('contact').find((contact) => contact.includes(`sip:${user}@`));
  const params = own ? readParams(split(own.slice(own.indexOf('>') + 1), ';').join(';')) : new Map();
  const said = Number(params.get('expires') ?? bare(response.headers.get('expires') ?? ''));
  return said >= 10 && said <= 86_400 ? said : asked;
}
