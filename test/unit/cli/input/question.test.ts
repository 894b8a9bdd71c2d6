// Tests questions on a terminal that end without an answer.

import { PassThrough, Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hiddenLine, isConfirmed } from '../../../../src/cli/input/question.ts';
import { MqError } from '../../../../src/errors.ts';

/** Returns a terminal. `onPrompt` is called after each output, with all output until then. */
function terminal(onPrompt: (shown: string, stdin: PassThrough, stop: AbortController) => void) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stop = new AbortController();
  let shown = '';
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, next) {
      shown += chunk;
      next();
      // The code under test starts to read after it has written the prompt, so the call is delayed.
      setImmediate(() => onPrompt(shown, stdin, stop));
    },
  });
  return { stdin: () => stdin, stderr, drain: stop.signal };
}

async function codeOf(asking: Promise<unknown>): Promise<unknown> {
  return asking.catch((error: unknown) => (error instanceof MqError ? error.code : error));
}

test('a signal ends a question', async () => {
  for (const [signal, code] of [
    ['SIGINT', 'INTERRUPTED'],
    ['SIGTERM', 'TERMINATED'],
  ] as const) {
    const place = terminal((_shown, _stdin, stop) => stop.abort(signal));
    assert.is(await codeOf(isConfirmed(place, 'sure?')), code);
    assert.is(await codeOf(hiddenLine(place, 'password')), code);
  }
});

test('Ctrl-C interrupts a hidden line, and Ctrl-D ends the input', async () => {
  const place = (key: string) => terminal((_shown, stdin) => stdin.write(key));
  assert.is(await codeOf(hiddenLine(place('\u0003'), 'password')), 'INTERRUPTED');
  assert.is(await codeOf(hiddenLine(place('\u0004'), 'password')), undefined);
  assert.is(await codeOf(hiddenLine(place('s3cret\n'), 'password')), 's3cret');
});

test.run();
