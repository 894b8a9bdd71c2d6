// Reads the TLS files of mq broker.

import type { BrokerOptions } from '../../../broker/server.ts';
import { assertCertificate } from '../../../config/read-file.ts';
import type { Context } from '../../../context.ts';
import { MqError, systemReason } from '../../../errors.ts';
import { time } from '../../../time.ts';
import { certificateParts } from '../../arguments/command-options.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { readText } from '../../input/files.ts';

export type TlsChoice = Pick<BrokerOptions, 'tls' | 'tlsPort' | 'certificateName' | 'passwordsNeedTls'>;

/** Returns the TLS settings. Throws USAGE if the options contradict each other, NO_INPUT or BAD_DATA for a file. */
export async function tlsOf(context: Context, values: Values): Promise<TlsChoice> {
  const [cert, key, ca] = [values.name('tls-cert'), values.name('tls-key'), values.name('tls-ca')];
  const certificateName = values.choice('cert-login-from', certificateParts);
  const tlsPort = values.whole('tls-port', { min: 0, max: 65_535 });
  const passwordsNeedTls = values.flag('passwords-need-tls') === true;
  if ((cert === undefined) !== (key === undefined)) throw values.usage('--tls-cert and --tls-key require each other');
  if (cert === undefined || key === undefined) {
    const lonely = ['tls-ca', 'tls-port', 'passwords-need-tls'].find((name) => values.given.includes(name));
    if (lonely !== undefined) throw values.usage(`--${lonely} requires --tls-cert and --tls-key`);
  }
  if (certificateName !== undefined && ca === undefined) throw values.usage('--cert-login-from requires --tls-ca');
  if (cert === undefined || key === undefined) return {};
  return {
    tls: await filesOf(context, { cert, key, ca }),
    ...(tlsPort !== undefined && { tlsPort }),
    ...(certificateName !== undefined && { certificateName }),
    passwordsNeedTls,
  };
}

async function filesOf(
  context: Context,
  { cert, key, ca }: { cert: string; key: string; ca: string | undefined },
): Promise<NonNullable<TlsChoice['tls']>> {
  const read = async (file: string) => Buffer.from(await readText(context, file));
  const tls = { cert: await read(cert), key: await read(key), ...(ca !== undefined && { ca: await read(ca) }) };
  if (ca !== undefined && tls.ca !== undefined) await assertCertificate(tls.ca, ca);
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new MqError('BAD_DATA', `cannot use ${cert} and ${key} for TLS: ${systemReason(error)}`, {
      hint: 'both files must be PEM, and the key must belong to the certificate',
      cause: error,
    });
  }
  const { X509Certificate } = await import('node:crypto');
  const { validToDate } = new X509Certificate(tls.cert);
  if (validToDate.getTime() < time.date())
    noteOf(
      context,
      'broker',
    )(`${cert} has expired on ${validToDate.toISOString()}; clients that verify it are refused`);
  return tls;
}
