// Explains a failed TLS handshake: with AMQP, with the management API and with a token server.

import { type ErrorCode, tlsReason } from '../errors.ts';

interface TlsFailure {
  readonly code: Extract<ErrorCode, 'TLS' | 'NOT_PERMITTED'>;
  readonly message: string;
  readonly hint: string;
}

/** Reports whether an error comes from TLS. Node uses OpenSSL's names of certificate errors without a prefix. */
export function isTlsFailure(code: string, message: string): boolean {
  return (
    /^ERR_(TLS|SSL|OSSL)|CERT|SIGNATURE|^CRL_|^HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)|^PATH_LENGTH/.test(code) ||
    /^DEPTH_|^UNABLE_TO_|^EPROTO/.test(code) ||
    /SSL routines/.test(message)
  );
}

/** Returns the failure in one line. `code` is the code of Node's error, `plainHint` the hint for a server without TLS. */
export function tlsFailure(code: string, text: string, plainHint: string): TlsFailure {
  const all = `${code} ${text}`;
  if (/WRONG_VERSION_NUMBER|wrong version number|EPROTO|packet length too long/.test(all) && !/alert/i.test(all))
    return { code: 'TLS', message: 'the server does not use TLS', hint: plainHint };
  return ofAlert(all) ?? { code: 'TLS', message: `TLS failed: ${reasonOf(text)}`, hint: hintOf(all) };
}

/** Returns the failure if the server sent an alert about the client certificate (RFC 8446, 6.2). */
function ofAlert(all: string): TlsFailure | undefined {
  if (/ALERT_CERTIFICATE_EXPIRED|alert certificate expired/i.test(all))
    return { code: 'TLS', message: 'TLS failed: the client certificate has expired', hint: 'renew the file of --cert' };
  if (/CERTIFICATE_REQUIRED|certificate required/i.test(all))
    return {
      code: 'NOT_PERMITTED',
      message: 'the server requires a client certificate',
      hint: 'name it and its key: --cert FILE --key FILE, or MQ_CERT and MQ_KEY',
    };
  const alert =
    /alert (unknown ca|bad certificate|unsupported certificate|certificate revoked|certificate unknown|access denied)/i;
  const word = alert.exec(all.replaceAll('_', ' '))?.[1]?.toLowerCase();
  if (word === undefined) return undefined;
  return {
    code: 'NOT_PERMITTED',
    message: `the server refused the client certificate (${word})`,
    hint: 'use a certificate of an authority that the server trusts: --cert FILE --key FILE',
  };
}

function reasonOf(text: string): string {
  return tlsReason(text.replaceAll(/\s+/g, ' ').trim());
}

/** Returns the hint for a failed verification, in terms of mq's options. */
function hintOf(all: string): string {
  if (/ALTNAME|HOSTNAME_MISMATCH/.test(all))
    return 'use a host name of the certificate, or add ?server_name_indication=NAME to the address';
  if (/EXPIRED|NOT_YET_VALID/.test(all)) return 'renew the certificate of the server, or correct the clock';
  return 'trust the certificate authority of the server: --ca FILE, MQ_CA, or ?cacertfile=FILE in the address';
}
