// Dead letters on a terminal, in a pipe, and as JSON. What strangers wrote moves no cursor.

import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LetterPrinter } from '../../../src/roles/letter-printer.ts';
import type { RawMessage } from '../../../src/session/wire.ts';

function output(isTTY: boolean) {
  const chunks: string[] = [];
  const write = (chunk: Buffer, _: unknown, next: () => void) => {
    chunks.push(chunk.toString());
    next();
  };
  return { stdout: Object.assign(new Writable({ write }), { isTTY }), text: () => chunks.join('') };
}

const message: RawMessage = {
  content: Buffer.from('body\u001b[2J'),
  fields: { exchange: '', routingKey: 'q.dead', redelivered: false, deliveryTag: 1, consumerTag: 'c' },
  properties: {
    messageId: 'm-1',
    headers: {
      'x-mq-exchange': '',
      'x-mq-routing-key': 'a\tkey\u001b[31m',
      'x-mq-reason': 'a reason that is far too long for its column',
      'x-mq-attempt': 5,
    },
  },
};

test('on a terminal it is a table with titles, cut to its columns', async () => {
  const { stdout, text } = output(true);
  const printer = new LetterPrinter(stdout, false);
  await printer.line(message);
  await printer.line(message);
  const [title, first, second] = text().split('\n');
  assert.match(title!, /^ID +REASON +ATTEMPTS FIRST FAILED +LAST FAILED +BYTES +EXCHANGE +KEY$/);
  assert.match(first!, /^m-1 +a reason that is far to… 5 +- +- +8 +a\\x09key\\x1b\[31m$/);
  assert.is(first, second);
  assert.is(title!.indexOf('REASON'), first!.indexOf('a reason'));
});

test('in a pipe the values stand between tabs, without titles', async () => {
  const { stdout, text } = output(false);
  await new LetterPrinter(stdout, false).line(message);
  const reason = 'a reason that is far too long for its column';
  assert.is(text(), `m-1\t${reason}\t5\t-\t-\t8\t\ta\\x09key\\x1b[31m\n`);
});

test('a whole message on a terminal is escaped; in a pipe its body is as it is', async () => {
  const terminal = output(true);
  await new LetterPrinter(terminal.stdout, false).whole(message, 'q.dead');
  assert.not.match(terminal.text(), '\u001b');
  assert.match(terminal.text(), /^id: m-1$/m);
  assert.match(terminal.text(), /^header x-mq-attempt: 5$/m);
  const pipe = output(false);
  await new LetterPrinter(pipe.stdout, false).whole(message, 'q.dead');
  assert.ok(pipe.text().endsWith('\n\nbody\u001b[2J\n'));
});

test('as JSON a result says what was done, and whether it was', async () => {
  const { stdout, text } = output(false);
  const printer = new LetterPrinter(stdout, true);
  await printer.result({ verb: 'replay', queue: 'q.dead', done: 2, left: 1, isDry: true });
  assert.equal(JSON.parse(text()), { action: 'replay', queue: 'q.dead', done: 2, left: 1, dryRun: true });
});

test.run();
