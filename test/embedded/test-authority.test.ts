// mq test against a broker whose certificate authority only --ca names.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { certificate } from '../support/certificate.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';

test('--ca of mq test is for AMQP, the management API and the vhosts of files', async () => {
  const { key, file } = certificate();
  const cwd = emptyFolder({
    'a.test.ts': `
      import { assert, broker, test } from 'mq/test';
      test('has a vhost of its own', () => assert.match(broker.vhost, /^mq-test-/));`,
  });
  const keyFile = join(cwd, 'key.pem');
  writeFileSync(keyFile, key);
  const tls = ['--tls-cert', file, '--tls-key', keyFile];
  const running = startMq(['broker', '--json', '--port', '0', '--management-port', '0', ...tls]);
  const { url, management } = JSON.parse(await running.prints(/\n/)) as { url: string; management: string };
  const args = ['test', '--on', url, '--management-url', management];
  const without = await mq(args, { cwd });
  assert.equal([without.status, without.stderr.includes('[TLS]')], [76, true]);
  const { status, stdout, stderr } = await mq([...args, '--ca', file], { cwd });
  assert.is(status, 0, `${stdout}\n${stderr}`);
  const listed = await mq(['admin', 'list', 'vhosts', '--columns', 'name', '--no-headers', '--ca', file], {
    env: { MQ_MANAGEMENT_URL: management, MQ_URL: url },
  });
  assert.is(listed.stdout, '/\n', listed.stderr);
  assert.is((await running.stop()).status, 0);
});

test.run();
