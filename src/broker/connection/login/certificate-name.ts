// Reads the name of a user from a client certificate, as RabbitMQ's plugin rabbitmq_auth_mechanism_ssl does
// (https://www.rabbitmq.com/docs/ssl#peer-verification).

/** The part of a certificate's subject that is the name of the user. */
export type CertificateName = 'common_name' | 'distinguished_name';

/**
 * Returns the name in the subject of a certificate, or `undefined` if the subject does not contain it.
 * @param subject the lines of `X509Certificate.subject`, such as `O=example\nCN=worker`, with values that are escaped as in
 * RFC 4514, 2.4
 */
export function nameIn(subject: string | undefined, part: CertificateName): string | undefined {
  const attributes = (subject ?? '').split('\n').filter((line) => line !== '');
  // RFC 4514, 2.1: the last attribute of the certificate comes first.
  if (part === 'distinguished_name') return attributes.toReversed().join(',') || undefined;
  const names = attributes.flatMap((line) => (line.startsWith('CN=') ? [unescaped(line.slice('CN='.length))] : []));
  return names.join(',') || undefined;
}

function unescaped(value: string): string {
  return value.replace(/\\([0-9A-F]{2}|.)/g, (_, code: string) => {
    return code.length === 2 ? String.fromCharCode(Number.parseInt(code, 16)) : code;
  });
}
