// Tests what happens to a message for each way in which a handler can end, on both types of queue.

import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, messagesOf, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

/** `again`: the message is redelivered, and then it succeeds. `dead`: the message goes to <queue>.dead. */
type End = 'done' | 'again' | 'dead';

interface Row {
  /** Body of the message. It selects how the handler ends. */
  readonly body: string;
  readonly end: End;
  /** Expected line on stderr. */
  readonly says?: RegExp;
}

const failed = (body: string, reason: string): Row => ({
  body,
  end: 'again',
  says: new RegExp(`^attempt 1 failed: ${reason}`),
});

const dead = (body: string, reason: string): Row => ({
  body,
  end: 'dead',
  says: new RegExp(`^to the dead-letter queue: ${reason}$`),
});
const back = (body: string, reason: string): Row => ({
  body,
  end: 'again',
  says: new RegExp(`^attempt 1 failed: ${reason}; back to its queue$`),
});

const script = `#!/bin/sh
body=$(cat)
if [ "$MQ_ATTEMPT" -gt 1 ] || [ "$MQ_REDELIVERED" = true ]; then echo "$body again"; exit 0; fi
case $body in
  HANG) sleep 60 & wait ;;
  [A-Z]*) kill -"$body" $$ ;;
esac
echo "$body"
exit "$body"
`;

const byCommand: readonly Row[] = [
  { body: '0', end: 'done' },
  ...['3', '5'].map((status) => dead(status, `exit status ${status}`)),
  ...['4', '6'].map((status) => back(status, `exit status ${status}`)),
  ...['1', '75', '255'].map((status) => failed(status, `exit status ${status}$`)),
  ...['KILL', 'TERM', 'SEGV'].map((signal) => failed(signal, `signal SIG${signal}$`)),
];

const module = `
export default async (message) => {
  const { text, fields, attempt } = message;
  if (attempt > 1 || fields.redelivered) return;
  if (text === 'throw') throw new Error('thrown');
  if (text === 'throw text') throw 'a text';
  if (text === 'throw null') throw null;
  if (text === 'rejects') await Promise.reject(new Error('rejected'));
  if (text === 'odd') return { type: 'odd' };
  if (text === 'never') await new Promise(() => {});
  if (text !== 'fine') return JSON.parse(text);
};`;

const byModule: readonly Row[] = [
  { body: 'fine', end: 'done' },
  { body: '{"type":"ack"}', end: 'done' },
  dead('{"type":"reject"}', 'requested by the handler'),
  dead('{"type":"nack"}', 'requested by the handler'),
  dead('{"type":"dead-letter","reason":"so"}', 'so'),
  back('{"type":"reject","requeue":true}', 'requested by the handler'),
  back('{"type":"nack","requeue":true}', 'requested by the handler'),
  back('{"type":"requeue","reason":"so"}', 'so'),
  failed('{"type":"retry","reason":"so"}', 'so$'),
  failed('throw', 'thrown$'),
  failed('throw text', 'a text$'),
  failed('throw null', 'null$'),
  failed('rejects', 'rejected$'),
  failed('odd', '.*unknown outcome: odd$'),
];

const files = { 'status.sh': script, 'handler.ts': module };

function folder(queue: string, type: string): string {
  const config = {
    vhosts: {
      '/': {
        queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } },
      },
    },
    publications: { work: { queue } },
    subscriptions: { work: { queue, prefetch: 1 } },
    mq: { retry: { attempts: 3, delays: [100] } },
  };
  const cwd = emptyFolder({ ...files, 'rascal.json': JSON.stringify(config) });
  chmodSync(join(cwd, 'status.sh'), 0o755);
  return cwd;
}

for (const type of ['classic', 'quorum']) {
  for (const [how, handler, all] of [
    ['a command', ['--exec', './status.sh'], byCommand],
    ['a module', ['--handler', 'handler.ts'], byModule],
  ] as const) {
    for (const role of ['subscribe', 'reply']) {
      // A value that is not an outcome is a reply.
      const rows = all.map((row): Row => (role === 'reply' && row.body === 'odd' ? { body: 'odd', end: 'done' } : row));
      test(`${how} of ${role}: ${rows.length} outcomes on a ${type} queue`, async () => {
        const queue = `${role}-${how.slice(2)}-${type}`;
        const cwd = folder(queue, type);
        const of = (...ends: End[]) => rows.filter(({ end }) => ends.includes(end)).map(({ body }) => body);
        const count = String(rows.length + of('again').length);
        const args = [role, 'work', '--count', count, '--json', ...handler];
        const worker = await roles.receiver(args, { cwd });
        const input = rows.map(({ body }) => body).join('\n');
        const sent = await roles.runHere(['publish', 'work', '--lines'], { cwd, input });
        assert.is(sent.status, 0);
        const { status, stdout, stderr } = await worker.ended;
        assert.is(status, 0, stderr);
        const said = messagesOf(stderr);
        for (const { body, says } of rows) {
          const at = said.findIndex((line) => says?.test(line));
          if (says) assert.ok(at >= 0, `no line for ${body}: ${stderr}`);
          if (says) said.splice(at, 1);
        }
        const done = lines(stdout).map((line) => (JSON.parse(line) as { body: string }).body);
        assert.equal(done.toSorted(), of('done', 'again').toSorted());
        const found = await roles.take(`${queue}.dead`, of('dead').length);
        assert.equal(found.map(({ payload }) => payload).toSorted(), of('dead').toSorted());
        for (const empty of [queue, `${queue}.retry.100`]) assert.is(await roles.held(empty), 0, empty);
      });
    }
  }

  test(`--handler-timeout ends a handler of a ${type} queue, with a retry`, async () => {
    const hasty = ['--handler-timeout', '0.5', '--grace', '0.2'];
    const check = async (body: string, handler: readonly string[]) => {
      const queue = `hang-${body}-${type}`;
      const cwd = folder(queue, type);
      assert.is((await roles.runHere(['publish', 'work', body], { cwd })).status, 0);
      const first = await roles.run(['subscribe', 'work', '--count', '1', ...hasty, ...handler], { cwd });
      assert.match(first.stderr, /^attempt 1 failed: .* 0\.5 s/m);
      const second = await roles.run(['subscribe', 'work', '--count', '1', '--json', ...handler], { cwd });
      assert.equal([second.status, JSON.parse(second.stdout).body], [0, body], second.stderr);
      assert.is(await roles.held(queue), 0);
    };
    await Promise.all([check('HANG', ['--exec', './status.sh']), check('never', ['--handler', 'handler.ts'])]);
  });

  test(`a missing program is reported before a delivery of a ${type} queue`, async () => {
    const queue = `missing-${type}`;
    const cwd = folder(queue, type);
    assert.is((await roles.runHere(['publish', 'work', 'kept'], { cwd })).status, 0);
    const { status, stderr } = await roles.run(['subscribe', 'work', '--exec', './no-such-command'], { cwd });
    assert.is(status, 71);
    assert.match(stderr, /^mq subscribe: .*no-such-command.*\[SYSTEM\]\n/);
    assert.is(await roles.held(queue), 1);
  });

  test(`a deleted program ends the role and keeps messages of a ${type} queue`, async () => {
    const queue = `vanished-${type}`;
    const cwd = folder(queue, type);
    const worker = await roles.receiver(['subscribe', 'work', '--exec', './status.sh'], { cwd });
    rmSync(join(cwd, 'status.sh'));
    assert.is((await roles.runHere(['publish', 'work', 'kept'], { cwd })).status, 0);
    const { status, stderr } = await worker.ended;
    assert.is(status, 71, stderr);
    assert.match(stderr, /^mq subscribe: cannot run .\/status.sh: no such file \[SYSTEM\]$/m);
    assert.is(await roles.held(queue), 1);
  });

  test(`exit status 127 ends the role and keeps messages of a ${type} queue`, async () => {
    const queue = `broken-${type}`;
    const cwd = folder(queue, type);
    await roles.runHere(['publish', 'work', '--lines'], { cwd, input: 'one\ntwo\n' });
    const { status, stderr } = await roles.run(['subscribe', 'work', '--exec', 'sh', '-c', 'no-such-tool'], { cwd });
    assert.is(status, 71, stderr);
    assert.match(stderr, /^mq subscribe: cannot run sh: exit status 127: .* \[SYSTEM\]$/m);
    assert.is(await roles.held(queue), 2);
  });
}

test.run();
