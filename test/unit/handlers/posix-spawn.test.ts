// Tests how processes are started by the C library. exec.test.ts tests the whole contract with both ways to start one.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { NativeHost } from '../../../src/context.ts';
import { DescriptorOutput } from '../../../src/handlers/process/descriptor-output.ts';
import { openPosixSpawn, type PosixSpawn, type ProcessPlan } from '../../../src/handlers/process/posix-spawn.ts';
import { native } from '../../fixtures/handlers/host.ts';

const temporary = mkdtempSync(join(tmpdir(), 'mq-posix-spawn-'));
const opened: PosixSpawn[] = [];
test.after(() => {
  for (const one of opened) one.close();
  rmSync(temporary, { recursive: true });
});

const linux = process.platform === 'linux' ? test : test.skip;

function open(host: NativeHost = native, env: Record<string, string> = {}): PosixSpawn {
  const posixSpawn = openPosixSpawn(host, env);
  assert.ok(posixSpawn, 'the C library can be called');
  opened.push(posixSpawn);
  return posixSpawn;
}

const plan: ProcessPlan = {
  ...{ file: '/bin/true', args: [], cwd: temporary, env: {}, variables: {} },
  ...{ stdin: Buffer.alloc(0), descriptor3: Buffer.alloc(0) },
};

/** Runs a program until it ends. Returns its output and its end. */
async function run(changes: Partial<ProcessPlan>, posixSpawn = open()) {
  const started = posixSpawn.start({ ...plan, ...changes });
  assert.ok(started, 'the process has started');
  const chunks: Buffer[] = [];
  const outputs = [started.stdout, started.stderr].map(
    (descriptor) =>
      new DescriptorOutput(descriptor, (chunk) => {
        chunks.push(chunk);
        return undefined;
      }),
  );
  const end = await started.end;
  for (const output of outputs) await output.finish();
  return { pid: started.pid, end, text: Buffer.concat(chunks).toString() };
}

function shell(script: string): Partial<ProcessPlan> {
  return { file: '/bin/sh', args: ['-c', script] };
}

linux('starts a process in its own session and process group', async () => {
  const { pid, text } = await run(shell('cat /proc/$$/stat'));
  const [, , group, session] = text.split(') ')[1]?.split(' ') ?? [];
  assert.equal([group, session], [`${pid}`, `${pid}`]);
});

linux('a process inherits the same descriptors as from spawn', async () => {
  const { file = '', args = [] } = shell('cd /proc/$$/fd; echo *');
  const { stdout } = spawnSync(file, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  assert.is((await run({ file, args })).text, `${stdout}`);
});

linux('a process blocks and ignores no signal', async () => {
  const { text } = await run({ file: '/bin/cat', args: ['/proc/self/status'] });
  const masks = [...text.matchAll(/^Sig(?:Blk|Ign|Cgt):\s+(\w+)$/gm)].map(([, mask]) => mask);
  assert.equal(masks, Array(3).fill('0'.repeat(16)));
});

linux('variables of a process override inherited ones', async () => {
  const posixSpawn = open(native, { ONE: 'inherited', TWO: 'inherited', constructor: 'inherited' });
  const { text } = await run({ file: '/usr/bin/env', variables: { TWO: 'own=é' } }, posixSpawn);
  assert.is(text, 'ONE=inherited\nconstructor=inherited\nTWO=own=é\n');
});

linux('reports a signal without a name by its number', async () => {
  assert.equal((await run(shell('kill -34 $$'))).end, { type: 'signal', signal: 'SIG34' });
});

linux('reports the end of a process if SIGCHLD is lost', async () => {
  const posixSpawn = open({ ...native, onChildEnd: () => () => undefined });
  assert.equal((await run(shell('exit 3'), posixSpawn)).end, { type: 'exit', status: 3 });
});

linux('starts nothing and leaves no descriptor open if a process cannot start', async () => {
  const file = join(temporary, 'text');
  writeFileSync(file, 'no program', { mode: 0o755 });
  const posixSpawn = open();
  const before = readdirSync('/proc/self/fd').length;
  for (const changes of [
    { file: '/no/such/file' },
    { file: '/etc' },
    { file },
    { cwd: '/no/such/folder' },
    { args: ['x'.repeat(3_000_000)] },
    { args: ['a\0b'] },
    { variables: { A: 'a\0b' } },
  ]) {
    assert.is(posixSpawn.start({ ...plan, ...changes }), undefined, JSON.stringify(changes).slice(0, 100));
  }
  assert.is(readdirSync('/proc/self/fd').length, before);
});

linux('leaves no descriptor open after a process', async () => {
  const posixSpawn = open();
  const before = readdirSync('/proc/self/fd').length;
  await run({}, posixSpawn);
  assert.is(readdirSync('/proc/self/fd').length, before);
});

linux('removes the file of the add-on, and works without an add-on', () => {
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = mkdtempSync(join(temporary, 'folder-'));
  open();
  const missing = () => {
    throw new Error('no asset');
  };
  for (const addOn of [missing, () => new Uint8Array(100)]) {
    assert.is(openPosixSpawn({ ...native, addOn }, {}), undefined);
  }
  assert.equal(readdirSync(process.env['TMPDIR']), []);
  process.env['TMPDIR'] = join(temporary, 'no such folder');
  assert.ok(open(), 'another folder is used');
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
});

test.run();
