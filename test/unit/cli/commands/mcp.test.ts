// Checks the command line of mq mcp, and that it ends quietly at the end of its input.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects, runCli } from '../../../support/cli.ts';

test('refuses arguments that it does not know', async () => {
  const lines: [string, string[]][] = [
    ["unexpected argument 'x'", ['x']],
    ['--redact is empty', ['--redact', '']],
    ['--max-body must be a size', ['--max-body', '0']],
    ['there is no option --json', ['--json']],
  ];
  for (const [message, args] of lines) {
    const { status, stdout, stderr } = await runCli(['mcp', ...args]);
    assert.equal([status, stdout], [64, ''], message);
    assert.ok(stderr.includes(message), stderr);
  }
});

test('refuses a file that is standard input', async () => {
  const { status, stderr } = await runCli(['mcp', '--url-file', '-']);
  assert.is(status, 64);
  assert.match(stderr, /--url-file cannot be standard input/);
  const variable = await runCli(['mcp'], { env: { MQ_PASSWORD_FILE: '-' } });
  assert.is(variable.status, 64);
  assert.match(variable.stderr, /MQ_PASSWORD_FILE cannot be standard input/);
});

test('ends with status 0 at the end of its input, and at a signal', async () => {
  assert.equal(await runCli(['mcp'], { input: '' }), { status: 0, stdout: '', stderr: '' });
  const stopped = await runCli(['mcp'], { drain: AbortSignal.abort('SIGTERM') });
  assert.equal(stopped, { status: 0, stdout: '', stderr: '' });
});

test('answers each line that is not a message of the protocol', async () => {
  const lines: [string, number, string | number | null][] = [
    ['not JSON', -32700, null],
    ['7', -32600, null],
    ['{"id":1}', -32600, 1],
    ['{"jsonrpc":"1.0","id":"a","method":"ping"}', -32600, 'a'],
    ['{"jsonrpc":"2.0","id":2,"method":7}', -32600, 2],
    ['[{"jsonrpc":"2.0","id":3,"method":"ping"}]', -32600, null],
    ['{"jsonrpc":"2.0","id":4,"method":"initialize"}', -32602, 4],
    ['{"jsonrpc":"2.0","id":5,"method":"tools/call","params":[1]}', -32602, 5],
  ];
  const input = new PassThrough();
  input.end(`${lines.map(([line]) => line).join('\n\n')}\n`);
  const run = await runCli(['mcp'], { input });
  const answers = objects(run).map(({ id, error }) => [(error as { code: number }).code, id]);
  assert.equal(
    answers,
    lines.map(([, code, id]) => [code, id]),
  );
  assert.is(run.status, 0);
  assert.is(run.stderr.split('\n').length, lines.length + 1, run.stderr);
});

test('ends with status 65 after a line that is too long', async () => {
  const input = new PassThrough();
  input.write(Buffer.alloc(10 * 1024 ** 2, ' '));
  input.write('x\n');
  const { status, stderr } = await runCli(['mcp'], { input });
  assert.is(status, 65);
  assert.match(stderr, /a line of more than 10485760 bytes/);
});

test('reports on a terminal that it waits for a client', async () => {
  const { status, stderr } = await runCli(['mcp'], { input: '', terminal: 80 });
  assert.is(status, 0);
  assert.match(stderr, /^mq mcp: waiting for a client on standard input.*\n$/);
});

test.run();
