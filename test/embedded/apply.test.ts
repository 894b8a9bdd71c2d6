// Checks how mq apply asks, what it refuses, and what it does if another client or a signal interferes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliOptions, runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';
import { plannedFile } from '../support/plan.ts';
import { type Recorded, type Recorder, withRecorder, writesOf } from '../support/recorder.ts';

const simple = { vhosts: { '/': { exchanges: ['e'], queues: ['q', 'r'], bindings: ['e[k] -> q'] } } };

test('shows the plan, asks on a terminal, and prints the steps', () =>
  withManagement(async (served) => {
    const run = runner(served, simple);
    const no = await run(['apply'], { terminal: 80, input: 'n\n' });
    assert.is(no.status, 1);
    assert.match(
      no.stderr,
      /^make 4 changes on \S+ \(amqp:\/\/127\.0\.0\.1:\d+, vhost \/\)\? \[y\/N\] .*nothing was done \[ANSWER_NO\]\n$/s,
    );
    assert.equal(await queuesOf(served), []);
    const yes = await run(['apply'], { terminal: 80, input: 'y\n' });
    assert.is(yes.status, 0, yes.stderr);
    assert.is(
      yes.stdout.replace(/^.*\n/, ''),
      `
create   exchange e: type topic
create   queue q
create   queue r
create   binding e -> q (k)

4 to create

done: create exchange e
done: create queue q
done: create queue r
done: create binding e -> q (k)
4 changes made
`,
    );
    assert.match(yes.stderr, '3 of 4: create queue r\r\u001b[K');
    const again = await run(['apply'], { terminal: 80 });
    assert.equal([again.status, again.stderr], [0, '']);
    assert.match(again.stdout, /\n\nnothing to do\n$/);
  }));

test('leaves what must be replaced, with status 1 and a hint', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    await channel.assertQueue('q', { maxLength: 5 });
    const run = runner(served, simple);
    const { status, stdout, stderr } = await run(['apply', '--yes']);
    assert.is(status, 1);
    assert.match(stdout, /done: create queue r\ndone: create binding e -> q \(k\)\n3 changes made\n$/);
    assert.match(stderr, /^hint: /);
    const json = await run(['apply', '--yes', '--json']);
    assert.is(json.status, 1);
    const { result, action, name } = JSON.parse(json.stdout);
    assert.equal([result, action, name], ['left', 'replace', 'q']);
  }));

test('applies a saved plan, and refuses it after a change', () =>
  withManagement(async (served) => {
    const cwd = emptyFolder();
    const run = runner(served, simple, cwd);
    assert.is((await run(['plan', '--json', '--out', 'plan.json'])).status, 1);
    const channel = await served.place.channel();
    // An object that exists by then is left out.
    await channel.assertQueue('r');
    assert.is((await run(['apply', 'plan.json', '--yes'])).status, 0);
    await channel.deleteQueue('r');
    assert.is((await run(['apply', 'plan.json', '--yes'])).status, 0);
    await channel.deleteQueue('q');
    await channel.assertQueue('q', { maxLength: 1 });
    await channel.deleteQueue('r');
    const changed = await run(['apply', 'plan.json', '--yes']);
    assert.is(changed.status, 75);
    assert.is(
      changed.stderr,
      `mq apply: the broker or rascal.json has changed since plan.json was made; nothing was done [OUTDATED]
  replace queue q: in the plan, but not in this form
hint: make and check a new plan: mq plan
`,
    );
    assert.equal(await queuesOf(served), ['q']);
    const plan = JSON.parse(readFileSync(join(cwd, 'plan.json'), 'utf8'));
    writeFileSync(join(cwd, 'other.json'), JSON.stringify({ ...plan, against: 'amqp://other:5672' }));
    const other = await run(['apply', 'other.json', '--yes']);
    assert.is(other.status, 75);
    assert.match(other.stderr, 'other.json was made for the broker at amqp://other:5672, not for amqp://127.0.0.1:');
    const more = runner(served, { vhosts: { '/': { ...simple.vhosts['/'], queues: ['q', 'r', 'new'] } } }, cwd);
    assert.match((await more(['apply', 'plan.json', '--yes'])).stderr, 'create queue new: not in the plan');
  }));

test('does nothing if the broker changes while the user decides', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    const input = new PassThrough();
    let isAsked = false;
    const { status, stderr } = await runner(served, simple)(['apply'], {
      terminal: 80,
      input,
      onErrors: (text) => {
        if (isAsked || !text.includes('[y/N]')) return;
        isAsked = true;
        void channel.assertQueue('q', { maxLength: 5 }).then(() => input.end('y\n'));
      },
    });
    assert.is(status, 75);
    assert.match(stderr, /has changed\s+since\s+the\s+plan\s+was\s+made;\s+nothing\s+was\s+done\s+\[OUTDATED\]/);
    assert.equal(await queuesOf(served), ['q']);
  }));

test('another client that declares a queue in between causes one line', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    await raced(
      served,
      simple,
      async () => {
        await channel.assertQueue('r', { maxLength: 5 });
        channel.sendToQueue('r', Buffer.from('theirs'), { persistent: true });
        await channel.waitForConfirms();
      },
      async (run) => {
        const { status, stderr } = await run(['apply', '--yes', '--trust-management']);
        assert.is(status, 78);
        assert.match(
          stderr,
          /^mq apply: cannot create queue r: the queue 'r' in vhost '\/' exists with another 'x-max-length': wanted none, found .*; 2 of 4 steps are done \[TOPOLOGY\]\nhint: mq plan shows how the broker differs now\n$/,
        );
      },
    );
    assert.is((await channel.checkQueue('r')).messageCount, 1);
    assert.is((await runner(served, simple)(['apply', '--yes'])).status, 1);
  }));

test('another client that declares the same queue in between does no harm', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    await raced(
      served,
      simple,
      async () => void (await channel.assertQueue('r')),
      async (run) => {
        assert.is((await run(['apply', '--yes', '--trust-management'])).status, 0);
      },
    );
  }));

test('a user who may not declare or set policies is status 77', () =>
  withManagement(async (served) => {
    await served.ask('PUT /users/reader', { body: { password: 'secret', tags: 'management' } });
    await served.ask('PUT /permissions/%2F/reader', { body: { configure: '', write: '', read: '.*' } });
    const login = { user: 'reader', password: 'secret' };
    const { status, stderr } = await runner(
      served,
      simple,
      emptyFolder(),
      login,
    )(['apply', '--yes', '--trust-management']);
    assert.is(status, 77);
    assert.match(
      stderr,
      /^mq apply: cannot create exchange e: the broker refused: .*; 0 of 4 steps are done \[NOT_PERMITTED\]\n/,
    );
    assert.not.match(stderr, 'run mq apply again');
    const content = { ...simple, mq: { policies: { '/': { p: { pattern: 'q', definition: { 'max-length': 1 } } } } } };
    const policy = await runner(served, content, emptyFolder(), login)(['apply', '--yes', '--trust-management']);
    assert.is(policy.status, 77);
    assert.match(policy.stderr, /^mq apply: cannot create policy p: .*0 of 5 steps are done \[NOT_PERMITTED\]\n/);
  }));

test('a missing permission for --replace names what the user needs', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    await channel.assertQueue('q', { maxLength: 5 });
    await served.ask('PUT /users/owner', { body: { password: 'secret', tags: 'management' } });
    const all = { configure: '^(e|q|r)$', write: '.*', read: '.*' };
    await served.ask('PUT /permissions/%2F/owner', { body: all });
    const login = { user: 'owner', password: 'secret' };
    const run = runner(served, { vhosts: { '/': { queues: ['q'] } } }, emptyFolder(), login);
    const { status, stderr } = await run(['apply', '--yes', '--trust-management', '--replace', 'q']);
    assert.is(status, 77);
    assert.match(stderr.replaceAll(/\s+/g, ' '), "all permissions for 'q', 'q.mq-replace', 'q.mq-lock', 'q.mq-probe'");
    assert.not.match(stderr, 'run mq apply again');
    assert.equal(await queuesOf(served), ['q']);
  }));

test('a signal ends it after the current step, and the next run finishes', () =>
  withManagement(async (served) => {
    const signal = new AbortController();
    const run = runner(served, plannedFile);
    const { status, stdout, stderr } = await run(['apply', '--yes', '--json'], {
      drain: signal.signal,
      onOutput: (text) => {
        if (text.split('\n').length === 4) signal.abort('SIGTERM');
      },
    });
    assert.is(status, 143);
    assert.is(stdout.trim().split('\n').length, 3);
    assert.match(stderr, '3 of 13 steps are done');
    assert.is((await run(['apply', '--yes'])).status, 0);
    assert.is((await run(['plan'])).status, 0);
  }));

test('a lost connection ends it with one line, and the next run finishes', () =>
  withManagement(async (served) => {
    const target = { url: served.place.url(), managementUrl: `http://127.0.0.1:${served.management.port}` };
    const held = Promise.withResolvers<void>();
    const isWithheld = (recorded: Recorded) => {
      const isSecond = writesOf(recorded).length === 2;
      if (isSecond) held.resolve();
      return isSecond;
    };
    await withRecorder({ ...target, isWithheld }, async (recorder) => {
      const applying = runner({ ...served, target: recorder }, simple)(['apply', '--yes', '--trust-management']);
      await held.promise;
      recorder.cut();
      const { status, stderr } = await applying;
      assert.is(status, 69);
      assert.is(
        stderr,
        `mq apply: cannot create queue q: the connection to the broker was lost (unexpected close); 1 of 4 steps are done [UNAVAILABLE]
hint: run mq apply again to finish
`,
      );
    });
    const run = runner(served, simple);
    assert.is((await run(['apply', '--yes'])).status, 0);
    assert.is((await run(['plan'])).status, 0);
  }));

test('shows the plan on the terminal before it asks, also with --json', () =>
  withManagement(async (served) => {
    const { stdout, stderr } = await runner(served, simple)(['apply', '--json'], { terminal: 80, input: 'n\n' });
    assert.is(stdout, '');
    assert.match(stderr, /\n4 to create\n\nmake 4 changes on /);
  }));

test('refuses the API of another broker, and changes neither', () =>
  withManagement((first) =>
    withManagement(async (second) => {
      const { status, stderr } = await runner(
        { place: first.place, management: second.management },
        simple,
      )(['apply', '--yes']);
      assert.is(status, 78);
      assert.match(stderr, 'belongs to another broker');
      assert.equal([await queuesOf(first), await queuesOf(second)], [[], []]);
    }),
  ));

type Run = (args: readonly string[], options?: CliOptions) => ReturnType<typeof runCli>;

/** Runs `use`. `change` runs when the broker has answered all the lists of the plan, and before mq receives the last one. */
async function raced(
  served: Served,
  content: unknown,
  change: () => Promise<void>,
  use: (run: Run) => Promise<void>,
): Promise<void> {
  const lists = ['exchanges', 'queues', 'bindings', 'policies'].map((list) => `GET /api/${list}/%2F`);
  const waiting = new Set(lists);
  const all = Promise.withResolvers<void>();
  const beforeAnswer = async (line: string) => {
    waiting.delete(line);
    if (waiting.size === 0) {
      await change();
      all.resolve();
    }
    if (lists.includes(line)) await all.promise;
  };
  const managementUrl = `http://127.0.0.1:${served.management.port}`;
  await withRecorder({ url: served.place.url(), managementUrl, beforeAnswer }, async (recorder) => {
    await use(runner({ ...served, target: recorder }, content));
  });
}

/** Returns a function that runs mq with this rascal.json on the broker. */
function runner(
  { place, management, target }: Pick<Served, 'place' | 'management'> & { target?: Recorder },
  content: unknown,
  cwd: string = emptyFolder(),
  login: { user?: string; password?: string } = {},
): Run {
  const config = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = {
    MQ_CONFIG: join(config, 'rascal.json'),
    MQ_URL: target?.url ?? place.url(login),
    MQ_MANAGEMENT_URL: target?.managementUrl ?? `http://127.0.0.1:${management.port}`,
  };
  return (args, options) => runCli(args, { cwd, ...options, env });
}

async function queuesOf({ ask }: Served): Promise<string[]> {
  const { body } = await ask('GET /queues/%2F');
  return (body as { name: string }[]).map(({ name }) => name);
}

test.run();
