// Decides which clients may use mq web. A page of another site in the same browser can also send requests to this
// address, and a foreign name can be made to resolve to it (DNS rebinding). The Host header must therefore be an
// address or an allowed name, and a request that changes something must come from the page itself (Origin).

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

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

export interface Guard {
  request(request: IncomingMessage): Refusal | undefined;
  /** Checks the request for a WebSocket: the Origin must be this server. */
  upgrade(request: IncomingMessage): Refusal | undefined;
  /**
   * Cookie for the answer to a request with the correct password, because browsers do not send the password with a
   * WebSocket.
   */
  readonly cookie: string | undefined;
}

export function makeGuard({ allowedHosts, password }: GuardSettings): Guard {
  const session = randomBytes(24).toString('base64url');
  // Cookies are shared between ports (RFC 6265, 8.5), so another mq web on this host must not overwrite it.
  const cookie = `mq-web-${randomBytes(4).toString('hex')}=${session}`;
  const request: Guard['request'] = (asked) => {
    const { host, authorization = '' } = asked.headers;
    if (host === undefined || !isAllowed(host, allowedHosts))
      return { status: 421, text: 'mq web does not answer to this host name; --allow-host NAME allows it\n' };
    // A page of another site may not send a request (Fetch Metadata). It could not read the answer anyway.
    if (asked.headers['sec-fetch-site'] === 'cross-site' && asked.headers['sec-fetch-mode'] !== 'navigate')
      return { status: 403, text: 'not for other sites\n' };
    if (password === undefined) return undefined;
    const cookies = (asked.headers.cookie ?? '').split(/; */);
    if (cookies.some((one) => isSame(one, cookie))) return undefined;
    const given = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
    const text = given === undefined ? '' : Buffer.from(given, 'base64').toString();
    if (given !== undefined && isSame(text.slice(text.indexOf(':') + 1), password)) return undefined;
    return { status: 401, text: 'the password of mq web is wanted (any user name)\n' };
  };
  return {
    cookie: password === undefined ? undefined : `${cookie}; HttpOnly; SameSite=Strict; Path=/`,
    request,
    upgrade: (asked) => {
      const { host, origin } = asked.headers;
      const refused = request(asked);
      if (refused) return refused;
      if (origin !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return undefined;
      return { status: 403, text: 'the WebSocket is for the page of mq web only\n' };
    },
  };
}

function isAllowed(host: string, allowed: readonly string[]): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d{1,5})?$/.exec(host)?.[1]?.toLowerCase().replace(/\.$/, '');
  if (name === undefined || name === '') return false;
  if (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  return allowed.some((one) => one.toLowerCase() === name);
}

/** Compares in constant time. */
function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(first as Buffer, second as Buffer);
}
