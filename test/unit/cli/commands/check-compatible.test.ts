// mq check --compatible-with compares the schemas of a rascal.json with those of an older one.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects, runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

const order = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' }, by: { $ref: 'parts.json#/$defs/name' } },
};
const parts = { $defs: { name: { type: 'string', maxLength: 50 } } };

interface Files {
  readonly order?: object;
  readonly parts?: object;
  /** Settings of the publication, the subscription, or both. */
  readonly mq?: object;
}

const both = {
  publications: { orders: { schema: 'schemas/order.json' } },
  subscriptions: { billing: { schema: 'schemas/order.json' } },
};

/** Writes `old` and `new`, each with a rascal.json and its schemas, and returns their folder. */
function versions(older: Files, newer: Files): string {
  const cwd = emptyFolder();
  for (const [folder, files] of [['old', older] as const, ['new', newer] as const]) {
    const rascal = {
      vhosts: { '/': { exchanges: ['orders'], queues: ['billing'], bindings: ['orders -> billing'] } },
      publications: { orders: { exchange: 'orders' } },
      subscriptions: { billing: { queue: 'billing' } },
      mq: files.mq ?? both,
    };
    const written = {
      'rascal.json': rascal,
      'schemas/order.json': files.order ?? order,
      'schemas/parts.json': files.parts ?? parts,
    };
    for (const [name, content] of Object.entries(written)) {
      const path = join(cwd, folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify(content));
    }
  }
  return cwd;
}

const check = (cwd: string, ...more: string[]) =>
  runCli(['check', 'new/rascal.json', '--compatible-with', 'old', ...more], { cwd });

test('equal schemas are compatible', async () => {
  const { status, stdout } = await check(versions({}, {}));
  assert.is(status, 0);
  assert.match(
    stdout,
    /^new\/rascal\.json: valid .*\nnew\/rascal\.json: compatible with old\/rascal\.json \(2 schemas compared\)\n$/,
  );
});

test('each difference is a line with file and pointer, and the status is 1', async () => {
  const newer = { ...order, required: [], additionalProperties: false };
  const older = { $defs: { name: { type: 'string', maxLength: 100 } } };
  const { status, stdout } = await check(versions({ parts: older }, { order: newer }));
  assert.is(status, 1);
  assert.equal(stdout.trimEnd().split('\n').slice(1), [
    'new/schemas/order.json#/required: publication orders: accepts objects without "id", which the old schema refuses',
    'new/schemas/parts.json#/$defs/name/maxLength: subscription billing: refuses strings longer than 50 characters at /by, which the old schema accepts',
    'new/schemas/order.json#/additionalProperties: subscription billing: refuses objects with other properties, which the old schema accepts',
    'new/rascal.json: not compatible with old/rascal.json (2 schemas compared)',
  ]);
});

test('--json prints an object for each difference, and one with the result', async () => {
  const cwd = versions({}, { order: { ...order, required: ['id', 'by'] } });
  const run = await check(cwd, '--json');
  assert.is(run.status, 1);
  assert.equal(objects(run).slice(1), [
    {
      file: 'new/schemas/order.json',
      code: 'incompatible',
      pointer: '/required',
      kind: 'subscription',
      name: 'billing',
      body: '',
      message: 'refuses objects without "by", which the old schema accepts',
    },
    { file: 'new/rascal.json', compatibleWith: 'old/rascal.json', compatible: false, compared: 2 },
  ]);
});

test('a subscription with a first schema is not compatible', async () => {
  const { status, stdout } = await check(versions({ mq: {} }, {}));
  assert.is(status, 1);
  assert.match(stdout, /^new\/rascal\.json#\/mq\/subscriptions\/billing: subscription billing: has a schema, /m);
  assert.not.match(stdout, /publication orders/);
});

test('a publication without its schema is not compatible', async () => {
  const { status, stdout } = await check(versions({}, { mq: {} }));
  assert.is(status, 1);
  assert.match(stdout, /^new\/rascal\.json#\/mq\/publications\/orders: publication orders: has no schema, /m);
  assert.not.match(stdout, /subscription billing/);
});

test('a missing or invalid older file is an error', async () => {
  const cwd = versions({}, {});
  const missing = await runCli(['check', 'new/rascal.json', '--compatible-with', 'none'], { cwd });
  assert.is(missing.status, 66);
  writeFileSync(join(cwd, 'old', 'schemas', 'parts.json'), '{');
  const invalid = await check(cwd);
  assert.is(invalid.status, 78);
  assert.match(invalid.stderr, /old\/schemas\/parts\.json:1:/);
});

test('--compatible-with and --live exclude each other', async () => {
  const { status, stderr } = await runCli(['check', '--live', '--compatible-with', 'old']);
  assert.is(status, 64);
  assert.match(stderr, /--compatible-with and --live exclude each other/);
});

test.run();
