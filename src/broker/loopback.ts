// Addresses of this machine that no other machine can reach or come from.

import { isIP } from 'node:net';

/** Accepts a host name or an IP address: also in brackets, as in a URL, and as an IPv6 socket reports IPv4 (::ffff:127.0.0.1). */
export function isLoopback(host: string): boolean {
  const address = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:/, '');
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
