// mq health and --metrics: what they refuse, and how their answers look.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';

for (const address of ['0', '70000', 'ftp://host', 'http://user:secret@host/', 'http://']) {
  test(`mq health ${address} is refused`, async () => {
    const result = await mq(['health', address]);
    assertRefused(result, { exit: 64, line: /^mq health: .* \[USAGE\]$/, hint: 'mq health --help' });
    assert.not.match(result.stderr, /secret/);
  });
}

for (const address of ['70000', 'abc', 'host:', '1.2.3.4:5:6', '::1:80', '[::1]:0x', '-']) {
  test(`--metrics ${address} is refused`, async () => {
    const result = await mq(['worker', '--metrics', address]);
    assertRefused(result, {
      exit: 64,
      line: /^mq worker: --metrics must be PORT or HOST:PORT .* \[USAGE\]$/,
      hint: /./,
    });
  });
}

test('an address that is not here is an error of the system', async () => {
  const result = await mq(['worker', '--metrics', '192.0.2.1:9464']);
  assertRefused(result, { exit: 71, line: /no such address here \[SYSTEM\]$/, hint: /another port/ });
});

test('--log takes text and json', async () => {
  const result = await mq(['worker', '--log', 'xml']);
  assertRefused(result, { exit: 64, line: /--log must be text or json, not 'xml' \[USAGE\]$/, hint: /./ });
});

test('with --json the answer is an object on stdout, and the exit status says the same', async () => {
  const { status, stdout } = await mq(['health', '1', '--json']);
  assert.is(status, 1);
  assert.equal(JSON.parse(stdout), { url: 'http://127.0.0.1:1/', ready: false, why: 'nobody answers there' });
});

test.run();
