// Checks that commands never use the management API of another broker.

import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder, mq } from '../support/mq.ts';

/** Starts two unrelated brokers. */
function withTwo(use: (own: Served, other: Served) => Promise<void>): Promise<void> {
  return withManagement((own) => withManagement((other) => use(own, other)));
}

function apiOf({ management }: Served): string {
  return `http://guest:guest@127.0.0.1:${management.port}`;
}

async function queuesOf({ ask }: Served): Promise<string[]> {
  return ((await ask('GET /queues')).body as { name: string }[]).map(({ name }) => name);
}

async function served(server: Server, use: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Forwards a port to another one, as Docker does: the client's port differs from the port that the broker reports. */
function withForwarded(port: number, use: (port: number) => Promise<void>): Promise<void> {
  const forwarder = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const one of [socket, onward]) one.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
  });
  return served(forwarder, use);
}

function refused({ status, stderr, stdout }: Omit<CliRun, 'status'> & { status: number | undefined }): void {
  assert.is(status, 78, stderr);
  assert.match(stderr, /\[CONFIG\]\nhint: .*--management-url/);
  assert.is(stdout, '');
}

test('requires a named API for AMQP ports other than 5672 and 5671', async () => {
  await withManagement(async (own) => {
    for (const words of ['list queues', 'delete queue q --yes', 'overview', 'export definitions']) {
      const run = await runCli(['admin', ...words.split(' '), '--url', own.place.url()]);
      refused(run);
      assert.match(run.stderr, `127.0.0.1:${own.place.broker.port} is not known`);
    }
    const file = { vhosts: { '/': { connection: { url: own.place.url() } } } };
    refused(await runCli(['admin', 'whoami'], { cwd: emptyFolder({ 'rascal.json': JSON.stringify(file) }) }));
  });
});

test('refuses the named API of another broker before any change', async () => {
  await withTwo(async (own, other) => {
    await other.ask('PUT /queues/%2F/kept', { body: {} });
    const env = { MQ_URL: own.place.url(), MQ_MANAGEMENT_URL: apiOf(other) };
    for (const words of ['list queues', 'delete queue kept --yes', 'purge queue kept --yes', 'create queue made']) {
      const run = await runCli(['admin', ...words.split(' ')], { env });
      refused(run);
      assert.match(run.stderr, 'belongs to another broker');
    }
    assert.equal(await queuesOf(other), ['kept']);
    const trusting = await runCli(['admin', 'delete', 'queue', 'kept', '--yes', '--trust-management'], { env });
    assert.is(trusting.status, 0, trusting.stderr);
    assert.equal(await queuesOf(other), []);
  });
});

test('uses the connections and `management` of rascal.json', async () => {
  await withTwo(async (own, other) => {
    const folder = (management?: string) => {
      const connection = { url: own.place.url(), ...(management !== undefined && { management }) };
      return emptyFolder({ 'rascal.json': JSON.stringify({ vhosts: { '/': { connection } } }) });
    };
    refused(await runCli(['admin', 'whoami'], { cwd: folder(), env: { MQ_MANAGEMENT_URL: apiOf(other) } }));
    refused(await runCli(['admin', 'whoami'], { cwd: folder(apiOf(other)) }));
    const right = await runCli(['admin', 'whoami'], { cwd: folder(apiOf(own)) });
    assert.is(right.status, 0, right.stderr);
  });
});

test('uses the API of the same broker, also through a forwarded port', async () => {
  await withManagement(async (own) => {
    await withForwarded(own.place.broker.port, async (port) => {
      for (const url of [own.place.url(), `amqp://guest:guest@127.0.0.1:${port}`]) {
        const run = await runCli(['admin', 'whoami', '--url', url, '--management-url', apiOf(own)]);
        assert.is(run.status, 0, run.stderr);
        assert.is(run.stderr, '');
      }
    });
  });
});

test('checks the API by the connection name if no queue may be declared', async () => {
  await withManagement(async (own) => {
    await own.ask('PUT /users/reader', { body: { password: 'pw', tags: 'management' } });
    await own.ask('PUT /permissions/%2F/reader', { body: { configure: '', write: '', read: '.*' } });
    await withForwarded(own.place.broker.port, async (port) => {
      const url = `amqp://reader:pw@127.0.0.1:${port}`;
      const api = apiOf(own).replace('guest:guest', 'reader:pw');
      const run = await runCli(['admin', 'list', 'queues', '--url', url, '--management-url', api]);
      assert.is(run.status, 0, run.stderr);
    });
  });
});

test('refuses another broker with the same cluster name', async () => {
  await withTwo(async (own, other) => {
    const mixed = createHttpServer((asked, response) => {
      const { headers, method, url = '' } = asked;
      const port = url === '/api/cluster-name' ? own.management.port : other.management.port;
      asked.pipe(
        request({ port, host: '127.0.0.1', method, path: url, headers, agent: false }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    await served(mixed, async (port) => {
      const named = `http://guest:guest@127.0.0.1:${port}`;
      const run = await runCli([
        'admin',
        'create',
        'queue',
        'made',
        '--url',
        own.place.url(),
        '--management-url',
        named,
      ]);
      refused(run);
      assert.match(run.stderr, 'does not list a connection');
      assert.equal(await queuesOf(other), []);
      mixed.closeAllConnections();
    });
  });
});

test('uses a named API with a note if AMQP cannot be reached', async () => {
  await withManagement(async (own) => {
    const named = ['admin', 'whoami', '--columns', 'name', '--management-url', apiOf(own)];
    const noted = await runCli([...named, '--url', 'amqp://127.0.0.1:1']);
    assert.is(noted.status, 0, noted.stderr);
    assert.match(noted.stderr, /^mq admin: .* without proof .*127\.0\.0\.1:1.*\n$/);
    const alone = await runCli(named);
    assert.is(alone.status, 0, alone.stderr);
    assert.is(alone.stderr, '');
  });
});

test('checks the API also if the vhost is missing or the login is refused', async () => {
  await withTwo(async (own, other) => {
    for (const url of [own.place.url({ vhost: 'shop' }), own.place.url({ user: 'nobody' })]) {
      const run = await runCli(['admin', 'create', 'vhost', 'shop', '--url', url, '--management-url', apiOf(own)]);
      assert.is(run.status, 0, run.stderr);
      refused(await runCli(['admin', 'whoami', '--url', url, '--management-url', apiOf(other)]));
    }
  });
});

test('requires --vhost if the vhosts of rascal.json are on different brokers', async () => {
  await withTwo(async (own, other) => {
    const vhosts = { '/': { connection: { url: own.place.url() } }, b: { connection: { url: other.place.url() } } };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ vhosts }) });
    const run = await runCli(['admin', 'list', 'queues'], { cwd, env: { MQ_MANAGEMENT_URL: apiOf(own) } });
    assert.is(run.status, 78, run.stderr);
    assert.match(run.stderr, /different brokers.*\nhint: select one with --vhost/);
  });
});

test('mq test runs without an API; mq test and mq web refuse a wrong one', async () => {
  await withTwo(async (own, other) => {
    const cwd = emptyFolder({ 'a.test.ts': "import { test } from 'mq/test';\ntest('one', () => {});\n" });
    const url = own.place.url();
    const run = await mq(['test', '--on', url], { cwd });
    assert.is(run.status, 0, run.stderr);
    assert.match(run.stdout, /is not known.*share the vhost/);
    for (const args of [
      ['test', '--on', url],
      ['web', '--port', '0', '--url', url],
    ])
      refused(await mq([...args, '--management-url', apiOf(other)], { cwd }));
    assert.equal(
      ((await other.ask('GET /vhosts')).body as { name: string }[]).map(({ name }) => name),
      ['/'],
    );
  });
});

test.run();
