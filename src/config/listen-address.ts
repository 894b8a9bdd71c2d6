// Parses the address that a role serves metrics on.

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
