// Decides which clients may use mq web. A page of another site in the same browser can also send requests to this
// address, and a foreign name can be made to resolve to it (DNS rebinding). The Host header must therefore be an
// address or an allowed name, and a request that changes something must come from the page itself (Origin).

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { time } from '../time.ts';

export interface GuardSettings {
  /** Allowed names in the Host header, in addition to addresses and localhost. */
  readonly allowedHosts: readonly string[];
  /** `undefined` means that no password is required, which is allowed for loopback only. */
  readonly password: string | undefined;
}

/** Reason for refusing a request. */
export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly text: string;
}

type Headers = Pick<IncomingMessage, 'headers'>;

export class Guard {
  readonly #allowedHosts: readonly string[];
  readonly #password: string | undefined;
  /** Name and value of the session cookie. */
  readonly #session: string;

  constructor({ allowedHosts, password }: GuardSettings) {
    this.#allowedHosts = allowedHosts;
    this.#password = password;
    // The name is random, because cookies are shared between ports (RFC 6265, 8.5): another mq web on this host must
    // not overwrite this cookie.
    this.#session = `mq-web-${time.randomBytes(4).toString('hex')}=${time.randomBytes(24).toString('base64url')}`;
  }

  /**
   * Cookie for the answer to a request with the correct password, because browsers do not send the password with a
   * WebSocket.
   */
  get cookie(): string | undefined {
    return this.#password === undefined ? undefined : `${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Checks any request. */
  request({ headers }: Headers): Refusal | undefined {
    const { host } = headers;
    if (host === undefined || !isAllowed(host, this.#allowedHosts))
      return { status: 421, text: 'mq web does not accept this host name; --allow-host NAME allows it\n' };
    // A page of another site may not send a request (Fetch Metadata). It could not read the answer anyway.
    if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate')
      return { status: 403, text: 'requests of other sites are refused\n' };
    if (this.#password === undefined || this.#hasLogin(headers, this.#password)) return undefined;
    return { status: 401, text: 'the password of mq web is required; any user name is accepted\n' };
  }

  /** Checks a request that changes something, or opens a WebSocket: the Origin must be this server. */
  changing(request: Headers): Refusal | undefined {
    const { host, origin } = request.headers;
    const refused = this.request(request);
    if (refused) return refused;
    if (origin !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return undefined;
    return { status: 403, text: 'only the page of mq web may send this request\n' };
  }

  #hasLogin({ cookie = '', authorization = '' }: IncomingMessage['headers'], password: string): boolean {
    if (cookie.split(/; */).some((one) => isSame(one, this.#session))) return true;
    const login = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
    if (login === undefined) return false;
    const text = Buffer.from(login, 'base64').toString();
    return isSame(text.slice(text.indexOf(':') + 1), password);
  }
}

function isAllowed(host: string, allowed: readonly string[]): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d{1,5})?$/.exec(host)?.[1]?.toLowerCase().replace(/\.$/, '');
  if (name === undefined || name === '') return false;
  if (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  return allowed.some((one) => one.toLowerCase() === name);
}

/** Compares in constant time. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
