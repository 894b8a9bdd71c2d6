// Tests `mq test --chaos` in an empty folder: the example of the page, the reports, and tests that fail by themselves.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fences } from '../support/documents.ts';
import { emptyFolder, type MqResult, mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const blocks = fences().filter(({ place }) => place.startsWith('.github/docs/chaos.md'));
const [config = ''] = textsOf('json');
const [doubleCharge = '', chargeTest = '', singleCharge = ''] = textsOf('ts');
const [broken = '', repaired = ''] = textsOf('');

test('finds the handler of the page that charges twice', async () => {
  const cwd = folderOf(doubleCharge);
  const plain = await mq(['test'], { cwd });
  assert.is(plain.status, 0, plain.stdout);
  const { status, stdout, stderr } = await mq(['test', '--chaos'], { cwd });
  assert.is(status, 1);
  assert.fixture(withoutTimes(stdout), `${broken}\n`);
  assert.is(stderr, '');
});

test('passes the idempotent handler of the page', async () => {
  const { status, stdout } = await mq(['test', '--chaos'], { cwd: folderOf(singleCharge) });
  assert.fixture(withoutTimes(stdout), `${repaired}\n`);
  assert.is(status, 0);
});

test('the command of the report repeats the failure', async () => {
  const cwd = folderOf(doubleCharge);
  const first = await mq(['test', '--chaos', '--report', 'json'], { cwd });
  const { seed, faults, command } = failureOf(first).chaos ?? {};
  assert.equal([seed, faults], [1, ['redelivery']]);
  assert.is(command, 'mq test charge.test.ts -t "an order is charged once" --chaos-seed 1');
  const again = await mq(['test', 'charge.test.ts', '-t', 'charged once', '--chaos-seed', '1', '--report', 'json'], {
    cwd,
  });
  const [before, after] = [first, again].map((result) => failureOf(result).message);
  assert.is(after, before);
});

test('every report names the fault', async () => {
  const cwd = folderOf(doubleCharge);
  const files = ['junit', 'tap', 'github'].map((name) => `--report=${name}=${name}.txt`);
  await mq(['test', '--chaos-seed', '1', ...files], { cwd });
  for (const name of ['junit', 'tap', 'github'])
    assert.match(readFileSync(join(cwd, `${name}.txt`), 'utf8'), /broken by redelivery \(seed 1\)/, name);
});

test('names reordering, and a test that fails by itself or meets no fault', async () => {
  const cwd = folderOf(singleCharge);
  const text = `
import { assert, publish, role, test } from 'mq/test';
test('in order', async () => {
  const billing = await role('billing');
  for (const id of [1, 2]) await publish('order', { id, sum: 1 });
  await billing.prints('order 2');
  assert.equal(billing.stdout().match(/order ./g), ['order 1', 'order 2']);
});
test('wrong', () => assert.is(1, 2));
test('right', () => assert.is(1, 1));
`;
  writeFileSync(join(cwd, 'order.test.ts'), text);
  const { status, stdout } = await mq(['test', '--chaos', 'order.test.ts'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, /"in order"\n {4}broken by reordering \(seed \d\)\n/);
  assert.match(stdout, /"wrong"\n {4}fails without chaos\n/);
  assert.match(stdout, /\norder\.test\.ts: no fault reached "right"/);
  assert.match(stdout, /\n1 passed, 2 failed\n/);
});

test('does not blame a fault for a second run or a lost process', async () => {
  const text = `
import { existsSync, writeFileSync } from 'node:fs';
import { assert, publish, role, test } from 'mq/test';
test('leaves a file', () => {
  assert.not(existsSync('left'));
  writeFileSync('left', '');
});
test('ends the process', async () => {
  const billing = await role('billing');
  await publish('order', { id: 1, sum: 1 });
  await billing.prints('order 1');
  if (billing.stdout().match(/order/g).length > 1) process.exit(3);
});
test('comes later', async () => {
  const billing = await role('billing');
  await publish('order', { id: 2, sum: 1 });
  await billing.prints('order 2');
});
`;
  const cwd = folderOf(doubleCharge);
  writeFileSync(join(cwd, 'again.test.ts'), text);
  const { status, stdout } = await mq(['test', '--chaos-seed', '1', 'again.test.ts'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, /"leaves a file"\n {4}fails when it is run again, without a fault\n/);
  assert.match(stdout, /"ends the process"\n {4}broken by redelivery \(seed 1\)\n/);
  assert.not.match(stdout, /comes later/);
  assert.match(stdout, /\n1 passed, 2 failed\n/);
});

test('starts no further run after a signal', async () => {
  const text = `
import { appendFileSync, readFileSync } from 'node:fs';
import { test } from 'mq/test';
test('waits in the second run', async () => {
  appendFileSync('.runs', 'x');
  if (readFileSync('.runs', 'utf8').length === 2) await new Promise((resolve) => setTimeout(resolve, 60_000));
});`;
  const cwd = emptyFolder({ 'a.test.ts': text });
  const runs = () => readFileSync(join(cwd, '.runs'), 'utf8').length;
  const running = startMq(['test', '--chaos', '--timeout', '1m'], { cwd });
  await until('the run with a seed', () => runs() === 2);
  assert.is((await running.stop()).status, 143);
  assert.is(runs(), 2);
});

test('does not pass a test that has not run with faults', async () => {
  const cwd = folderOf(singleCharge);
  const text = "import { test } from 'uvu';\ntest('stays', () => void setInterval(() => {}, 1000));\ntest.run();\n";
  writeFileSync(join(cwd, 'open.test.ts'), text);
  const { status, stdout } = await mq(['test', '--chaos', '--timeout', '1s', 'open.test.ts'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, /"stays".*not run with chaos: the file: still running 1000 ms after its last test/);
  assert.match(stdout, /\n0 passed, 1 failed, 1 skipped\n/);
});

/** Returns the texts of the page's blocks in a language, in order. */
function textsOf(wanted: string): string[] {
  return blocks.filter(({ language }) => language === wanted).map(({ lines }) => lines.join('\n'));
}

function folderOf(handler: string): string {
  return emptyFolder({ 'rascal.json': config, 'charge.ts': handler, 'charge.test.ts': chargeTest });
}

function withoutTimes(stdout: string): string {
  return stdout.replaceAll(/\d+ ms/g, '… ms');
}

interface Failure {
  readonly message: string;
  readonly chaos?: { readonly seed: number; readonly faults: readonly string[]; readonly command: string };
}

function failureOf({ stdout }: MqResult): Failure {
  const lines = stdout.trim().split('\n');
  const found = lines.map((line) => JSON.parse(line) as { failure?: Failure }).find(({ failure }) => failure);
  if (found?.failure === undefined) throw new Error(`no failure in\n${stdout}`);
  return found.failure;
}

test.run();
