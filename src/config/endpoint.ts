// Formats the host and port of a connection's broker, and parses listen addresses.

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

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Accepted forms of an address, for messages and help. */
export const listenForms = 'PORT or HOST:PORT with a port from 0 to 65535';

/** Parses PORT, HOST:PORT or [IPV6]:PORT. The host defaults to 127.0.0.1. Returns `undefined` for any other text. */
export function listenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]:|([^:[\]]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (digits === '' || Number(digits) > 65_535) return undefined;
  return { host: bracketed ?? plain ?? '127.0.0.1', port: Number(digits) };
}
