// Creates a certificate authority that signs certificates of servers and clients.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from './mq.ts';

/** A certificate and its key, and the paths of their files. */
export interface Signed {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority {
  readonly ca: Buffer;
  readonly caFile: string;
  /** Signs a certificate for a subject such as `/CN=worker`, which is also valid for 127.0.0.1. */
  sign(subject: string, settings?: SignSettings): Signed;
}

interface SignSettings {
  /** Days of validity. A negative number makes a certificate that has expired. Defaults to 2. */
  readonly days?: number;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Returns a new authority. */
export function authority(): Authority {
  const folder = emptyFolder();
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const [caFile, caKey] = [file('ca.pem'), file('ca-key.pem')];
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=authority', '-keyout', caKey, '-out', caFile);
  let count = 0;
  return {
    ca: readFileSync(caFile),
    caFile,
    sign(subject, { days = 2 } = {}) {
      const name = `signed-${++count}`;
      const [keyFile, request, certFile] = [file(`${name}-key.pem`), file(`${name}.csr`), file(`${name}.pem`)];
      const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
      openssl('req', '-new', ...newKey, '-subj', subject, ...names, '-keyout', keyFile, '-out', request);
      const signer = ['-CA', caFile, '-CAkey', caKey, '-copy_extensions', 'copyall'];
      openssl('x509', '-req', '-in', request, ...signer, '-days', String(days), '-out', certFile);
      return { cert: readFileSync(certFile), key: readFileSync(keyFile), certFile, keyFile };
    },
  };
}
