// Tests how certificates and keys are read, and which of them are refused before a connection is opened.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import type { TlsFiles } from '../../../src/login/login.ts';
import { tlsContent } from '../../../src/login/tls.ts';
import { authority } from '../../support/authority.ts';
import { emptyFolder } from '../../support/mq.ts';

const own = authority();
const [valid, other, expired] = [own.sign('/CN=a'), own.sign('/CN=b'), own.sign('/CN=c', { days: -1 })];
const { certFile: cert, keyFile: key } = valid;
const folder = emptyFolder({
  'password.txt': 's3cret\n',
  'wrong.txt': 'other',
  'both.pem': `${valid.cert}${valid.key}`,
});
const file = (name: string) => join(folder, name);
const encrypt = ['pkey', '-in', key, '-aes256', '-passout', 'pass:s3cret', '-out', file('locked.pem')];
execFileSync('openssl', encrypt, { stdio: 'ignore' });

const short = ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-subj', '/CN=short', '-days', '2'];
execFileSync('openssl', [...short, '-keyout', file('short-key.pem'), '-out', file('short.pem')], { stdio: 'ignore' });

test('returns the content of the files', async () => {
  const content = await tlsContent({ ca: own.caFile, cert, key });
  assert.equal([content.ca, content.cert, content.key], [own.ca, valid.cert, valid.key]);
});

test('reads the key from the file of the certificate if no key is named', async () => {
  const { cert: content, key: same } = await tlsContent({ cert: file('both.pem') });
  assert.is(content, same);
});

test('reads the password of a key without the newline', async () => {
  const { passphrase } = await tlsContent({ cert, key: file('locked.pem'), keyPassword: file('password.txt') });
  assert.is(passphrase, 's3cret');
});

test('reads a renewed file again', async () => {
  const renewed = file('renewed.pem');
  writeFileSync(renewed, valid.cert);
  await tlsContent({ cert: renewed, key });
  writeFileSync(renewed, other.cert);
  assert.equal((await tlsContent({ cert: renewed, key: other.keyFile })).cert, other.cert);
});

for (const [title, files, code, message] of [
  ['a missing file', { ca: file('none.pem') }, 'NO_INPUT', /^cannot read .*none.pem: no such file/],
  ['an authority without a certificate', { ca: key }, 'BAD_DATA', /contains no certificate$/],
  ['a certificate without a certificate', { cert: key, key }, 'BAD_DATA', /contains no certificate$/],
  ['a key without a key', { cert, key: cert }, 'BAD_DATA', /contains no private key$/],
  ['a certificate whose file has no key', { cert }, 'BAD_DATA', /contains no private key$/],
  ['a key without a certificate', { key }, 'USAGE', /has no certificate$/],
  ['the key of another certificate', { cert, key: other.keyFile }, 'BAD_DATA', /does not belong to the certificate/],
  ['a key without its password', { cert, key: file('locked.pem') }, 'USAGE', /is encrypted, and its password is not/],
  [
    'a wrong password of a key',
    { cert, key: file('locked.pem'), keyPassword: file('wrong.txt') },
    'BAD_DATA',
    /^the password does not decrypt the key/,
  ],
  [
    'an expired certificate',
    { cert: expired.certFile, key: expired.keyFile },
    'TLS',
    /^the client certificate \S+ expired at \d{4}-/,
  ],
  [
    'a key that is too short for OpenSSL',
    { cert: file('short.pem'), key: file('short-key.pem') },
    'TLS',
    /short.pem cannot be used: ee key too small$/,
  ],
] as const satisfies readonly (readonly [string, TlsFiles, string, RegExp])[])
  test(`refuses ${title}`, async () => {
    try {
      await tlsContent(files);
      assert.unreachable(title);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      assert.is(error.code, code, error.message);
      assert.match(error.message, message);
      assert.not.match(`${error.message} ${error.hint}`, /s3cret/);
    }
  });

test.run();
