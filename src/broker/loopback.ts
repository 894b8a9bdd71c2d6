// Recognises loopback addresses, which no other machine can reach.

import { isIP } from 'node:net';

/**
 * Returns true for `localhost` and for loopback IP addresses. An IPv6 address may have brackets, as in a URL. An IPv4
 * address may be mapped to IPv6 (`::ffff:127.0.0.1`).
 */
export function isLoopback(host: string): boolean {
  const address = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:/, '');
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
