// Tests what mq broker reports about its certificate.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { authority } from '../../../support/authority.ts';
import { runCli } from '../../../support/cli.ts';

const own = authority();

/** Returns stderr of a broker that ends because of a later option. */
async function stderrWith(days: number): Promise<string> {
  const { certFile, keyFile } = own.sign('/CN=127.0.0.1', { days });
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile];
  const { status, stderr } = await runCli(['broker', ...tls, '--management-port', 'none']);
  assert.is(status, 64);
  return stderr;
}

test('warns at the start if the certificate has expired', async () => {
  const warning = /^mq broker: .+\.pem has expired on \d{4}-\S+Z; clients that verify it are refused$/m;
  assert.match(await stderrWith(-1), warning);
  assert.not.match(await stderrWith(1), /expired/);
});

test.run();
