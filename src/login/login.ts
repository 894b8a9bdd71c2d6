// Defines how mq logs in to a broker and verifies it: the result of addresses, options, variables and named connections.
// Everything is data, so that it can be compared, copied and sent to another process.

/** Login for the addresses of a command. A setting that is absent is that of each address. */
export interface Login {
  readonly tls?: TlsFiles;
  /** `true` verifies no certificate of the broker. */
  readonly isInsecure?: boolean;
  /** `external`: the client certificate is the login (SASL EXTERNAL). Default: user and password, or the token. */
  readonly mechanism?: Mechanism;
  readonly token?: TokenSource;
}

export type Mechanism = 'plain' | 'external';

/** Names of PEM files. Relative names are resolved against the working folder. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** File with the password of the key. */
  readonly keyPassword?: string;
}

/** Source of OAuth 2 tokens. `from` is the option or variable that names it, for messages. */
export type TokenSource =
  | { readonly kind: 'token'; readonly from: string; readonly token: string }
  /** A file that another program keeps up to date. It is read again at each renewal. */
  | { readonly kind: 'file'; readonly from: string; readonly file: string }
  /** A command for the shell, which runs in `folder`. */
  | { readonly kind: 'command'; readonly from: string; readonly command: string; readonly folder: string }
  | ClientCredentials;

/** The client credentials grant of OAuth 2 (RFC 6749, 4.4). */
export interface ClientCredentials {
  readonly kind: 'client';
  readonly from: string;
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
  readonly audience?: string;
  /** File with a certificate authority to trust in addition to those of the system. */
  readonly ca?: string;
}
