// Runs the actions of mq admin that the embedded broker supports, in a pipe and on a terminal.

import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliOptions, type CliRun, objects, runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';

type Admin = (words: string, more?: CliOptions) => Promise<CliRun>;

/** Runs mq admin. `words` are split at spaces; `·` is a space within a word. */
function withAdmin(use: (admin: Admin, served: Served) => Promise<void>): Promise<void> {
  return withManagement(async (served) => {
    const env = {
      MQ_MANAGEMENT_URL: `http://guest:guest@127.0.0.1:${served.management.port}`,
      MQ_NEW_PASSWORD: 's3cret',
    };
    const admin: Admin = (words, more = {}) =>
      runCli(['admin', ...words.split(' ').map((word) => word.replaceAll('·', ' '))], { env, ...more });
    await use(admin, served);
  });
}

async function good(run: Promise<CliRun>): Promise<string> {
  const { status, stdout, stderr } = await run;
  assert.is(status, 0, stderr);
  return stdout;
}

test('creates, shows and deletes each kind of object', async () => {
  await withAdmin(async (admin) => {
    for (const [words, line] of [
      ['create vhost shop', 'created vhost shop'],
      ['create vhost shop', 'vhost shop already exists'],
      ['create user anna management', 'created user anna'],
      ['set tags anna monitoring', 'set tags of anna'],
      ['set password anna', 'set password of anna'],
      ['set permission anna ^o ^o .* --vhost shop', 'set permission of anna in vhost shop'],
      ['create queue o/1 --vhost shop --type quorum', 'created queue o/1 in vhost shop'],
      ['create queue o/1 --vhost shop --type quorum', 'queue o/1 in vhost shop already exists'],
      ['create exchange news --type topic --vhost shop', 'created exchange news in vhost shop'],
      [
        'create binding news o/1 a.# --vhost shop',
        "created binding from 'news' to queue 'o/1' with key 'a.#' in vhost shop",
      ],
      [
        'create binding news amq.fanout --destination-type exchange --vhost shop',
        "created binding from 'news' to exchange 'amq.fanout' in vhost shop",
      ],
    ] as const)
      assert.is(await good(admin(words)), `${line}\n`);
    assert.is(await good(admin('list queues --columns vhost,name,type')), 'vhost\tname\ttype\nshop\to/1\tquorum\n');
    assert.is(
      await good(
        admin('list bindings --vhost shop --columns source,destination,routing_key --filter news --sort destination'),
      ),
      'source\tdestination\trouting_key\nnews\tamq.fanout\t\nnews\to/1\ta.#\n',
    );
    assert.is(
      await good(admin('list permissions --vhost shop --filter anna --no-headers')),
      'shop\tanna\t^o\t^o\t.*\n',
    );
    assert.is(
      await good(admin('list users --columns name,tags --sort name')),
      'name\ttags\nanna\tmonitoring\nguest\tadministrator\n',
    );
    assert.not.match(await good(admin('show user anna --json')), 'hash');
    assert.match(await good(admin('show queue o/1 --vhost shop')), /^type\tquorum$/m);
    assert.match(await good(admin('check health')), /^alarms\ttrue\t$/m);
    for (const list of [
      'exchanges',
      'connections',
      'channels',
      'consumers',
      'vhosts',
      'policies',
      'operator-policies',
      'topic-permissions',
      'parameters',
      'global-parameters',
      'nodes',
      'feature-flags',
      'deprecated-features',
    ])
      await good(admin(`list ${list}`));
    assert.match(await good(admin('overview')), /^cluster_name\t/m);
    for (const [words, line] of [
      ['purge queue o/1 --vhost shop --yes', 'purged queue o/1 in vhost shop'],
      [
        'delete binding news o/1 a.# --vhost shop --yes',
        "deleted binding from 'news' to queue 'o/1' with key 'a.#' in vhost shop",
      ],
      ['delete exchange news --vhost shop --yes', 'deleted exchange news in vhost shop'],
      ['delete queue o/1 --vhost shop --yes', 'deleted queue o/1 in vhost shop'],
      ['delete queue o/1 --vhost shop --yes --if-exists', 'there was no queue o/1 in vhost shop'],
      [
        'delete binding amq.topic o/1 a.# --vhost shop --yes --if-exists',
        "there was no binding from 'amq.topic' to queue 'o/1' with key 'a.#' in vhost shop",
      ],
      ['delete permission anna --vhost shop --yes', 'deleted permission of anna in vhost shop'],
      ['delete user anna --yes', 'deleted user anna'],
      ['delete vhost shop --yes', 'deleted vhost shop'],
    ] as const)
      assert.is(await good(admin(words)), `${line}\n`);
    assert.is((await admin('set policy p .* {"max-length":5}')).status, 0);
    assert.is((await admin('set policy p .* {"max-lengt":5}')).status, 65);
  });
});

test('imports a file that an export wrote', async () => {
  await withAdmin(async (admin) => {
    const cwd = emptyFolder();
    await good(admin('create queue kept'));
    assert.match(await good(admin('export definitions all.json', { cwd })), /^exported .*1 queue.* to all\.json\n$/);
    const all = join(cwd, 'all.json');
    assert.is((JSON.parse(readFileSync(all, 'utf8')) as { queues: object[] }).queues.length, 1);
    // The export through a link replaces the existing file, and only the owner may read the new file.
    chmodSync(all, 0o644);
    symlinkSync('all.json', join(cwd, 'link.json'));
    await good(admin('export definitions link.json', { cwd }));
    assert.is(statSync(all).mode & 0o777, 0o600);
    await good(admin('export definitions /dev/null'));
    assert.ok(statSync('/dev/null').isCharacterDevice());
    assert.equal(readdirSync(cwd).toSorted(), ['all.json', 'link.json']);
    await good(admin('delete queue kept --yes'));
    await good(admin('import definitions all.json', { cwd }));
    assert.match(await good(admin('list queues')), 'kept');
    for (const [input, status] of [
      ['no JSON', 65],
      ['[]', 65],
      ['{}', 65],
    ] as const)
      assert.is((await admin('import definitions -', { input })).status, status);
    assert.is((await admin('import definitions absent.json', { cwd })).status, 66);
    assert.is((await admin('export definitions no/folder.json', { cwd })).status, 73);
  });
});

test('sorts, filters and pages a list', async () => {
  await withAdmin(async (admin) => {
    for (let number = 1; number <= 7; number += 1) await good(admin(`create queue q${number}`));
    await good(admin('create queue other'));
    const names = async (words: string) =>
      objects({ stdout: await good(admin(`list queues --columns name --json ${words}`)) }).map(({ name }) => name);
    assert.equal(await names('--sort -name --limit 2'), ['q7', 'q6']);
    assert.equal(await names('--sort name --filter q --limit 3 --page 3'), ['q7']);
    assert.equal(await names('--sort name --filter Q'), ['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7']);
    await good(admin('create vhost b'));
    assert.is(await good(admin('list vhosts --columns name --sort -name --no-headers')), 'b\n/\n');
    assert.is(await good(admin('list vhosts --columns name --sort -name --limit 1 --page 2')), 'name\n/\n');
    const vhosts = await good(admin('list vhosts --columns name --filter nothing'));
    assert.is(vhosts, 'name\n');
    assert.is((await admin('list queues --page 2 --limit 501')).status, 64);
    for (const words of [
      'list queues --sort nam',
      'list vhosts --sort -nam',
      'list queues --sort nam --columns name',
    ]) {
      const unsorted = await admin(words);
      assert.equal([unsorted.status, unsorted.stdout], [64, ''], words);
      assert.match(unsorted.stderr, /no such column; the columns are .*name/);
    }
    await good(admin('list queues --sort message_stats.publish'));
    const { status, stderr } = await admin('list queues --columns nam');
    assert.equal([status, stderr], [0, "mq admin: no item has the column 'nam'\n"]);
  });
});

test('draws a table on a terminal, and asks before it deletes', async () => {
  await withAdmin(async (admin, { place, management }) => {
    const named = `${place.broker.clusterName} (http://127.0.0.1:${management.port})`;
    await good(admin('create queue a·long·name·of·a·queue', { terminal: 40 }));
    assert.match(
      await good(admin('list nodes --columns mem_used,uptime', { terminal: 80 })),
      /\n *\d+(\.\d)? [KMG]?i?B +\d+s\n$/,
    );
    assert.match(await good(admin('list nodes --columns mem_used,uptime')), /\n\d+\t\d+\n$/);
    assert.is(
      await good(admin('list queues', { terminal: 80 })),
      `name                    type     messages  …ready  …unacked  consumers  state
a long name of a queue  classic         0       0         0          0  running
`,
    );
    for (const input of ['n\n', '\n', '']) {
      const { status, stderr } = await admin('delete queue a·long·name·of·a·queue', { terminal: 60, input });
      assert.is(status, 1);
      assert.match(stderr, `delete queue 'a long name of a queue' in vhost / with its 0 messages on ${named}? [y/N] `);
    }
    const deleted = await good(admin('delete queue a·long·name·of·a·queue', { terminal: 60, input: 'y\n' }));
    assert.is(deleted, `deleted queue a long name of a queue in vhost / on ${named}\n`);
    const gone = await admin('delete queue gone --if-exists', { terminal: 60, input: 'y\n' });
    assert.equal([gone.status, gone.stdout], [0, `there was no queue gone in vhost / on ${named}\n`]);
    const unasked = await admin('delete vhost x');
    assert.is(unasked.status, 64);
    assert.match(unasked.stderr, 'requires --yes');
  });
});

test('watches until it is stopped, and restores the screen', async () => {
  await withAdmin(async (admin) => {
    const stop = new AbortController();
    const { status, stdout, stderr } = await admin('list vhosts --watch --interval 0.05', {
      terminal: 80,
      drain: stop.signal,
      onOutput: (text) => {
        if (text.split('\u001b[H').length > 3) stop.abort('SIGINT');
      },
    });
    assert.equal([status, stderr], [0, '']);
    assert.ok(stdout.startsWith('\u001b[?1049h') && stdout.endsWith('\u001b[?1049l'));
    assert.is((await admin('list vhosts --interval 1')).status, 64);
  });
});

test('shows notices while it watches, and stops during a request', async () => {
  const stop = new AbortController();
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    if (requests > 2) stop.abort('SIGINT');
    else response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { status, stdout, stderr } = await runCli(['admin', 'list', 'queues', '--watch', '--interval', '0.02'], {
      env: { MQ_MANAGEMENT_URL: `http://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}` },
      terminal: 0,
      drain: stop.signal,
    });
    assert.equal([status, stderr], [0, '']);
    const [, frame = ''] = stdout.split('\u001b[H\u001b[J');
    assert.match(frame, /^\S+ {2}http:.*\nGET \/api\/queues: .*HTTP 503/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('prints the named columns of each action', async () => {
  await withAdmin(async (admin) => {
    assert.is(await good(admin('check alarms --columns check,·ok')), 'check\tok\nalarms\ttrue\n');
    assert.match(await good(admin('check health --columns check,·ok')), /^check\tok\nalarms\ttrue\n/);
    await good(admin('create queue q'));
    await good(admin('create binding amq.topic q key'));
    const bound = await good(admin('show binding amq.topic q --columns routing_key,·destination'));
    assert.is(bound, 'routing_key\tdestination\nkey\tq\n');
    assert.is((await admin('list queues --columns ,')).status, 64);
    assert.is((await admin('show queue q --columns ,')).status, 64);
  });
});

test('finds the address and vhost in the option, environment or broker', async () => {
  await withAdmin(async (admin, { management, place }) => {
    await good(admin('create vhost shop'));
    await good(admin('create queue here'));
    await good(admin('create queue there --vhost shop'));
    const api = `http://guest:guest@127.0.0.1:${management.port}/api`;
    const named = { env: { MQ_MANAGEMENT_URL: api, MQ_URL: place.url({ vhost: 'shop' }) } };
    const columns = '--columns name --no-headers --sort name';
    assert.is(await good(admin(`list queues ${columns}`)), 'here\nthere\n');
    assert.is(await good(admin(`list queues ${columns}`, named)), 'there\n');
    assert.is(await good(admin(`list queues ${columns} --all-vhosts`, named)), 'here\nthere\n');
    assert.is(await good(admin(`list queues ${columns} --vhost /`, named)), 'here\n');
    assert.is(
      await good(admin('whoami --columns name --user guest', { env: { ...named.env, MQ_PASSWORD: 'guest' } })),
      'name\tguest\n',
    );
    const alone = api.replace('guest:guest@', 'guest@');
    const password = { MQ_PASSWORD: 'guest' };
    assert.is((await admin('whoami', { env: { MQ_MANAGEMENT_URL: alone } })).status, 77);
    assert.is((await admin('whoami', { env: { MQ_MANAGEMENT_URL: alone, ...password } })).status, 0);
    const typed = api.replace('guest:guest@', 'guest:wrong@');
    assert.is((await admin('whoami', { env: { MQ_MANAGEMENT_URL: typed, ...password } })).status, 77);
    assert.is(
      (await admin('whoami --password-file -', { env: { MQ_MANAGEMENT_URL: typed }, input: 'guest\n' })).status,
      0,
    );
    const secrets = emptyFolder({ password: 'guest\n', address: `${place.url({ vhost: 'shop' })}\n` });
    const passwordFile = { MQ_PASSWORD_FILE: `${secrets}/password` };
    assert.is((await admin('whoami', { env: { MQ_MANAGEMENT_URL: alone, ...passwordFile } })).status, 0);
    assert.is((await admin('whoami', { env: { MQ_MANAGEMENT_URL: alone, ...password, ...passwordFile } })).status, 64);
    const fromFile = { env: { MQ_MANAGEMENT_URL: api }, cwd: secrets };
    assert.is(await good(admin(`list queues --url-file address ${columns}`, fromFile)), 'there\n');
    const withSecret = { env: { MQ_MANAGEMENT_URL: api, MQ_NEW_PASSWORD_FILE: `${secrets}/password` } };
    await good(admin('create user anna administrator', withSecret));
    const asAnna = api.replace('guest:guest@', 'anna:guest@');
    assert.is(await good(admin('whoami --columns name', { env: { MQ_MANAGEMENT_URL: asAnna } })), 'name\tanna\n');
    assert.is((await admin('whoami --url-file no-such', { cwd: secrets })).status, 66);
    assert.is((await admin('whoami --user guest')).status, 64);
    const url = 'amqps://mq:pw@no-such-host.invalid,amqp://no-such-host.invalid:5672';
    const file = { vhosts: { '/': { connection: { url: 'amqp://no-such-host.invalid/v' } } } };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(file) });
    for (const [options, origin] of [
      [{ env: { MQ_URL: url } }, 'https://no-such-host.invalid:15671'],
      [{ env: { MQ_URL: url } }, 'http://no-such-host.invalid:15672'],
      [{ env: {}, cwd }, 'http://no-such-host.invalid:15672'],
    ] as const) {
      const { status, stderr } = await admin('whoami', options);
      assert.is(status, 68, stderr);
      assert.match(stderr, origin);
    }
  });
});

test('refuses an option of another action', async () => {
  await withAdmin(async (admin) => {
    for (const words of [
      'list queues --yes',
      'whoami --vhost x',
      'create queue x --internal',
      'show queue x --limit 3',
    ])
      assert.is((await admin(words)).status, 64, words);
  });
});

test.run();
