// Returns the host and port of a connection's broker.

import type { ConnectionConfig } from './config.ts';

type Address = Pick<ConnectionConfig, 'protocol' | 'hostname' | 'port'>;

/** Returns the standard AMQP port, with or without TLS. */
export function standardPort({ protocol }: Address): number {
  return protocol === 'amqps' ? 5671 : 5672;
}

export function portOf(address: Address): number {
  return address.port ?? standardPort(address);
}

/** Returns the host in URL form: an IPv6 address is in brackets. */
export function hostOf({ hostname = 'localhost' }: Address): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

/** Returns `host:port`. */
export function endpointOf(address: Address): string {
  return `${hostOf(address)}:${portOf(address)}`;
}
