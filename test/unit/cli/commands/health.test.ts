// Tests which addresses mq health and --metrics refuse, and the answer of mq health --json.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { assertRefused } from '../../../support/refusal.ts';

for (const address of ['0', '70000', 'ftp://host', 'http://user:secret@host/', 'http://']) {
  test(`mq health refuses ${address}`, async () => {
    const result = await runCli(['health', address]);
    assertRefused(result, { exit: 64, line: /^mq health: .* \[USAGE\]$/, hint: 'mq health --help' });
    assert.not.match(result.stderr, /secret/);
  });
}

for (const address of ['70000', 'abc', 'host:', '1.2.3.4:5:6', '::1:80', '[::1]:0x', '-']) {
  test(`--metrics refuses ${address}`, async () => {
    const result = await runCli(['worker', '--metrics', address]);
    assertRefused(result, {
      exit: 64,
      line: /^mq worker: --metrics must be PORT or HOST:PORT .* \[USAGE\]$/,
      hint: /./,
    });
  });
}

test('--metrics refuses an address of another machine with 71', async () => {
  const result = await runCli(['worker', '--metrics', '192.0.2.1:9464']);
  assertRefused(result, { exit: 71, line: /address not available \[SYSTEM\]$/, hint: /another port/ });
});

test('--log accepts only text and json', async () => {
  const result = await runCli(['worker', '--log', 'xml']);
  assertRefused(result, { exit: 64, line: /--log must be text or json, not 'xml' \[USAGE\]$/, hint: /./ });
});

test('mq health --json prints an object and ends with 1', async () => {
  const { status, stdout } = await runCli(['health', '1', '--json']);
  assert.is(status, 1);
  assert.equal(JSON.parse(stdout), { url: 'http://127.0.0.1:1/', ready: false, why: 'connection refused' });
});

test.run();
