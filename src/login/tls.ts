// Reads the certificates and keys of a login, and checks the client certificate before a broker does. RabbitMQ closes the
// socket at a wrong certificate, often before its reason arrives.

import { assertCertificate, readFile } from '../config/read-file.ts';
import { MqError, systemReason } from '../errors.ts';
import { time } from '../time.ts';
import type { TlsFiles } from './login.ts';

/** Options of Node's TLS. */
export interface TlsContent {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly passphrase?: string;
}

/**
 * Returns the content of the files. `signal` ends the wait for the writer of a pipe.
 * @throws MqError INTERRUPTED or TERMINATED at the signal, NO_INPUT if a file cannot be read, BAD_DATA if it has no certificate or key, USAGE if only the
 * certificate or only the key is named, and TLS if the client certificate has expired
 */
export async function tlsContent(files: TlsFiles, signal?: AbortSignal): Promise<TlsContent> {
  const read = async (file: string | undefined) => (file === undefined ? undefined : await contentOf(file, signal));
  const [ca, cert, key, password] = await Promise.all([
    read(files.ca),
    read(files.cert),
    read(files.key),
    read(files.keyPassword),
  ]);
  const passphrase = password?.toString().replace(/(?<!\n|\r(?=\n))(?:\r?\n)+$/, '');
  if (ca !== undefined && files.ca !== undefined) await assertCertificate(ca, files.ca);
  if (files.cert !== undefined && cert !== undefined)
    await assertPair(
      { cert, key: key ?? cert, passphrase },
      { certFile: files.cert, keyFile: files.key ?? files.cert },
    );
  else if (files.key !== undefined)
    throw new MqError('USAGE', `the key ${files.key} has no certificate`, {
      hint: 'name it with --cert FILE or MQ_CERT',
    });
  return {
    ...(ca && { ca }),
    ...(cert && { cert, key: key ?? cert }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly passphrase: string | undefined;
}

/** Checks that the certificate is valid now and that the key belongs to it. */
async function assertPair(
  { cert, key, passphrase }: Pair,
  { certFile, keyFile }: { certFile: string; keyFile: string },
): Promise<void> {
  await assertCertificate(cert, certFile);
  const { X509Certificate, createPrivateKey } = await import('node:crypto');
  const certificate = new X509Certificate(cert);
  const privateKey = privateKeyOf(() => createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) }), {
    keyFile,
    isNamed: certFile !== keyFile,
    hasPassword: passphrase !== undefined,
  });
  if (!certificate.checkPrivateKey(privateKey))
    throw new MqError('BAD_DATA', `the key ${keyFile} does not belong to the certificate ${certFile}`, { at: keyFile });
  const { validFromDate, validToDate } = certificate;
  const now = time.date();
  if (now > validToDate.getTime())
    throw new MqError('TLS', `the client certificate ${certFile} expired at ${validToDate.toISOString()}`, {
      at: certFile,
      hint: 'renew it, or correct the clock',
    });
  if (now < validFromDate.getTime())
    throw new MqError('TLS', `the client certificate ${certFile} is not valid before ${validFromDate.toISOString()}`, {
      at: certFile,
      hint: 'correct the clock, or use another certificate',
    });
  await assertUsable({ cert, key, passphrase }, certFile);
}

/** OpenSSL refuses keys that are too short and old digests. Node throws that error where only a callback is expected. */
async function assertUsable({ cert, key, passphrase }: Pair, certFile: string): Promise<void> {
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext({ cert, key, passphrase });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(':').at(-1) : '';
    throw new MqError('TLS', `the client certificate ${certFile} cannot be used: ${reason}`, {
      at: certFile,
      hint: 'use a certificate with a longer key and a current digest',
      cause: error,
    });
  }
}

function privateKeyOf<Key>(
  parse: () => Key,
  { keyFile, isNamed, hasPassword }: { keyFile: string; isNamed: boolean; hasPassword: boolean },
): Key {
  try {
    return parse();
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    const isLocked = /bad decrypt|interrupted or cancelled|passphrase|BAD_PASSWORD|password/i.test(text);
    if (isLocked && !hasPassword)
      throw new MqError('USAGE', `the key ${keyFile} is encrypted, and its password is not known`, {
        at: keyFile,
        hint: 'name the file with the password: --key-password-file FILE, or MQ_KEY_PASSWORD_FILE',
      });
    if (isLocked)
      throw new MqError('BAD_DATA', `the password does not decrypt the key ${keyFile}`, {
        at: keyFile,
        hint: 'check the file of --key-password-file or MQ_KEY_PASSWORD_FILE',
      });
    throw new MqError('BAD_DATA', `${keyFile} contains no private key`, {
      at: keyFile,
      hint: isNamed
        ? 'a key in PEM begins with -----BEGIN PRIVATE KEY-----'
        : 'name the file of the key with --key FILE or MQ_KEY',
    });
  }
}

async function contentOf(file: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await readFile(file, { signal });
  } catch (error) {
    if (error instanceof MqError) throw error;
    throw new MqError('NO_INPUT', `cannot read ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
}
