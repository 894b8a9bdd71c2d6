// Tests the names of users in client certificates. The distinguished name must be the one that openssl prints, because
// RabbitMQ's documentation recommends that command to find the name.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nameIn } from '../../../../src/broker/connection/login/certificate-name.ts';
import { authority } from '../../../support/authority.ts';

const own = authority();

for (const [subject, commonName] of [
  ['/CN=worker', 'worker'],
  ['/O=example, Inc./OU=one\\+two/CN=a=b', 'a=b'],
  ['/C=DE/O=#first/CN= spaces /CN=second"<>;\\\\', ' spaces ,second"<>;\\'],
  ['/O=nameless', undefined],
] as const) {
  test(`reads both names of ${subject}`, () => {
    const { cert, certFile } = own.sign(subject);
    const lines = new X509Certificate(cert).subject;
    const printed = execFileSync('openssl', ['x509', '-in', certFile, '-noout', '-subject', '-nameopt', 'RFC2253']);
    const expected = /^subject=(.*)\n$/.exec(printed.toString())?.[1];
    assert.is(nameIn(lines, 'distinguished_name'), expected);
    assert.is(nameIn(lines, 'common_name'), commonName);
  });
}

test('a client without a certificate has no name', () => {
  assert.is(nameIn(undefined, 'distinguished_name'), undefined);
  assert.is(nameIn('', 'common_name'), undefined);
});

test.run();
