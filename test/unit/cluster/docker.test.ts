// Tests the address of the machine that publishes the ports of a Docker engine.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { machineOf } from '../../../src/cluster/docker.ts';

const onLinux = process.platform === 'linux' ? test : test.skip; // on other systems 127.0.0.2 has no interface

onLinux('replaces an address of this machine with 127.0.0.1', async () => {
  assert.is(await machineOf('127.0.0.2'), '127.0.0.1');
  assert.is(await machineOf('localhost'), '127.0.0.1');
});

test('does not change the address of another machine', async () => {
  // RFC 5737: TEST-NET-1 contains addresses that no machine has.
  assert.is(await machineOf('192.0.2.1'), '192.0.2.1');
  assert.is(await machineOf('engine.example'), 'engine.example');
});

test.run();
