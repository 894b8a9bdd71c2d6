// Tests the output of dead letters on a terminal, in a pipe, and as JSON. Control characters are escaped on a terminal.

import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LetterPrinter } from '../../../../src/roles/dead-letters/printer.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';
import { drawTable } from '../../../../src/terminal/table.ts';

const forTerminal = { json: false, hasHeaders: true, drawTable };

function output(isTTY: boolean, columns = 80) {
  const chunks: string[] = [];
  const write = (chunk: Buffer, _: unknown, next: () => void) => {
    chunks.push(chunk.toString());
    next();
  };
  return { stdout: Object.assign(new Writable({ write }), { isTTY, columns }), text: () => chunks.join('') };
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

for (const { columns, title } of [
  { columns: 80, title: /^id +reason +tries +age +key$/ },
  { columns: 200, title: /^id +reason +attempts +first_failed +last_failed +bytes +exchange +key$/ },
]) {
  test(`prints a table that fits a terminal of ${columns} columns`, async () => {
    const { stdout, text } = output(true, columns);
    const printer = new LetterPrinter(stdout, forTerminal);
    await printer.line(message);
    await printer.line({ ...message, properties: { ...message.properties, messageId: 'an-id-of-some-length-42' } });
    await printer.end();
    const lines = text().trimEnd().split('\n');
    assert.is(lines.length, 3);
    assert.match(lines[0]!, title);
    assert.ok(
      lines.every((line) => line.length <= columns),
      text(),
    );
    assert.ok(lines[2]!.startsWith('an-id-of-some-length-42 '), 'an id is not shortened while other columns can be');
    assert.match(lines[1]!, /^m-1 +a reason that/);
    assert.not.match(text(), '\u001b');
  });
}

const titles = 'id\treason\tattempts\tfirst_failed\tlast_failed\tbytes\texchange\tkey\n';

for (const hasHeaders of [true, false]) {
  test(`separates values by tabs in a pipe, ${hasHeaders ? 'below' : 'without'} the names of the columns`, async () => {
    const { stdout, text } = output(false);
    const printer = new LetterPrinter(stdout, { ...forTerminal, hasHeaders });
    await printer.line(message);
    await printer.line(message);
    await printer.end();
    const reason = 'a reason that is far too long for its column';
    const line = `m-1\t${reason}\t5\t-\t-\t8\t\ta\\x09key\\x1b[31m\n`;
    assert.is(text(), `${hasHeaders ? titles : ''}${line}${line}`);
  });
}

test('an empty list has a header line, and is empty as JSON', async () => {
  const [pipe, terminal, json] = [output(false), output(true), output(false)];
  await new LetterPrinter(pipe.stdout, forTerminal).end();
  await new LetterPrinter(terminal.stdout, forTerminal).end();
  await new LetterPrinter(json.stdout, { ...forTerminal, json: true }).end();
  assert.equal([pipe.text(), terminal.text(), json.text()], [titles, 'id  reason  tries  age  key\n', '']);
});

test('escapes a message on a terminal, not in a pipe', async () => {
  const terminal = output(true);
  await new LetterPrinter(terminal.stdout, forTerminal).whole(message, 'q.dead');
  assert.not.match(terminal.text(), '\u001b');
  assert.match(terminal.text(), /^id: m-1$/m);
  assert.match(terminal.text(), /^header x-mq-attempt: 5$/m);
  const pipe = output(false);
  await new LetterPrinter(pipe.stdout, forTerminal).whole(message, 'q.dead');
  assert.ok(pipe.text().endsWith('\n\nbody\u001b[2J\n'));
});

test('prints the action and its success as JSON', async () => {
  const { stdout, text } = output(false);
  const printer = new LetterPrinter(stdout, { json: true, hasHeaders: true, drawTable });
  await printer.result({ verb: 'replay', queue: 'q.dead', done: 2, left: 1, isDry: true });
  assert.equal(JSON.parse(text()), { action: 'replay', queue: 'q.dead', done: 2, left: 1, dryRun: true });
});

test.run();
