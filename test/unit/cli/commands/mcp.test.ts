// Checks the command line of mq mcp, and that it ends quietly at the end of its input.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';

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

test('ignores lines that are not messages, and reports them in one line', async () => {
  const input = new PassThrough();
  input.end('not JSON\n\n{"id":1}\n');
  const { status, stdout, stderr } = await runCli(['mcp'], { input });
  assert.equal([status, stdout], [0, '']);
  assert.is(stderr, 'mq mcp: ignored a line that is not a message of the protocol\n');
});

test.run();
