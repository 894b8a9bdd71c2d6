// Runs mq admin against peers that are not a broker: a closed port, HTML, another protocol, endless answers. mq must
// never print the password of an address.

import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { certificate } from '../support/certificate.ts';
import { type CliRun, runCli } from '../support/cli.ts';
import { addressWithCanary, assertNoSecret } from '../support/refusal.ts';

const closing: (() => void)[] = [];
test.after.each(() => {
  for (const close of closing.splice(0)) close();
});

const json: RequestListener = (_, response) => response.setHeader('content-type', 'application/json').end('[]');

test('exits with 69 without a listener, and tries the next address', async () => {
  const closed = await closedPort();
  const { status, stderr } = await list([closed]);
  assert.is(status, 69);
  assert.match(stderr, /connection refused \[UNAVAILABLE\]\nhint: .*15672/);
  const both = await list([closed, await closedPort()]);
  assert.is(both.status, 69);
  assert.match(
    both.stderr,
    /no address of the management API answers \(2 tried\).*\n {2}the management API at .*\n {2}the management API at /,
  );
  const { status: third, stderr: silence } = await list([closed, await serve(json)]);
  assert.equal([third, silence], [0, '']);
});

test('exits with 68 if the host name is unknown', async () => {
  const { status, stderr } = await list(['no-such-host.invalid:15672']);
  assert.is(status, 68, stderr);
});

test('exits with 77 for a wrong password, also from a proxy', async () => {
  for (const body of ['{"error":"not_authorized","reason":"Login failed"}', '<h1>401</h1>', '']) {
    const { status, stderr } = await list([await serve((_, response) => response.writeHead(401).end(body))]);
    assert.is(status, 77, stderr);
    assert.match(stderr, /refused the login of the user 'mq'/);
  }
});

test('exits with 76 if the answer is not JSON, and describes it', async () => {
  const says = async (text: string, type = 'text/plain') =>
    list([await serve((_, response) => response.setHeader('content-type', type).end(text))]);
  for (const [answer, message] of [
    [await says('<!doctype html><title>Login</title>', 'text/html'), /is HTML, not JSON/],
    [await says('hello'), /is not JSON/],
    [await says('[{"name":"a"},{"na', 'application/json'), /is truncated JSON/],
    [await list([await serve((_, response) => response.writeHead(302, { location: '/login' }).end())]), /HTTP 302/],
    [await list([await raw((socket) => socket.end('AMQP\0\0\u0009\u0001'))]), /does not speak HTTP/],
  ] as const) {
    assert.is(answer.status, 76, answer.stderr);
    assert.match(answer.stderr, message);
    assert.is(answer.stdout, '');
  }
});

test('stops reading an endless answer at the size limit', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(65_536, '[');
  const endless: RequestListener = (_, response) => {
    const more = () => {
      sent += chunk.length;
      if (!response.destroyed && sent < 100_000_000) response.write(chunk, more);
    };
    more();
  };
  const { status, stderr } = await list([await serve(endless)], ['--max-answer', '1000000']);
  assert.is(status, 76, stderr);
  assert.match(stderr, /larger than 1000000 bytes .*\nhint: .*--max-answer/);
  assert.ok(sent < 20_000_000, `${sent} bytes were sent`);
});

test('stops waiting for a slow body after the time limit', async () => {
  const drops: RequestListener = (_, response) => {
    response.write('[');
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };
  const { status, stderr } = await list([await serve(drops)], ['--timeout', '2']);
  assert.is(status, 75, stderr);
  assert.match(stderr, /no complete answer within 2 s \[DEADLINE\]\nhint: --timeout DURATION allows more time\n/);
});

test('repeats a read at the next node, but sends a change only once', async () => {
  const methods: string[] = [];
  const hangUp = await serve((request) => {
    methods.push(String(request.method));
    request.socket.destroy();
  });
  const other: string[] = [];
  const next = await serve((request, response) => {
    other.push(String(request.method));
    json(request, response);
  });
  assert.is((await list([hangUp, next])).status, 0);
  const { status, stderr } = await run(['create', 'queue', 'q'], [hangUp, next]);
  assert.is(status, 75, stderr);
  assert.match(stderr, /PUT \/api\/queues\/%2F\/q may have been executed \[IN_DOUBT\]/);
  assert.equal([methods, other], [['GET', 'PUT'], ['GET']]);
});

test('tries the next node when a node is shutting down', async () => {
  const { status, stderr } = await list([
    await serve((_, response) => response.writeHead(502).end()),
    await serve(json),
  ]);
  assert.equal([status, stderr], [0, '']);
  const alone = await list([await serve((_, response) => response.writeHead(502).end('<h1>Bad Gateway</h1>'))]);
  assert.is(alone.status, 69, alone.stderr);
});

test('does not repeat a change after a gateway error of a proxy', async () => {
  for (const status of [502, 504]) {
    const other: string[] = [];
    const next = await serve((request, response) => {
      other.push(String(request.method));
      response.writeHead(204).end();
    });
    const proxy = await serve((_, response) => response.writeHead(status).end('<h1>Gateway</h1>'));
    for (const addresses of [[proxy, next], [proxy]]) {
      const { status: exit, stderr } = await run(['create', 'queue', 'q'], addresses);
      assert.is(exit, 75, stderr);
      assert.match(
        stderr,
        new RegExp(`\\(HTTP ${status}\\); PUT /api/queues/%2F/q may have been executed \\[IN_DOUBT\\]`),
      );
    }
    assert.equal(other, []);
  }
});

test('a binding of a deleted queue does not exist, which --if-exists accepts', async () => {
  const at = await serve((_, response) => response.writeHead(404).end('{"error":"Object Not Found"}'));
  const words = ['delete', 'binding', 'x', 'q', 'key', '--yes'];
  assert.is((await run(words, [at])).status, 65);
  const { status, stdout, stderr } = await run([...words, '--if-exists'], [at]);
  assert.equal(
    [status, stderr, stdout],
    [0, '', "there was no binding from 'x' to queue 'q' with key 'key' in vhost /\n"],
  );
});

test('a signal ends the wait', async () => {
  const stop = new AbortController();
  const silent = await serve(() => stop.abort('SIGINT'));
  const { status, stderr } = await run(['list', 'queues'], [silent], stop.signal);
  assert.is(status, 130, stderr);
});

test('encodes a name as one path segment, never as the parent folder', async () => {
  const paths: string[] = [];
  const at = await serve((request, response) => {
    paths.push(String(request.url));
    response.writeHead(204).end();
  });
  await run(['purge', 'queue', '/%?# ü', '--vhost', '../x', '--yes'], [`${at}/prefix/`]);
  assert.equal(paths, ['/prefix/api/queues/..%2Fx/%2F%25%3F%23%20%C3%BC/contents']);
  for (const name of ['.', '..']) {
    const { status, stderr } = await run(['purge', 'queue', name, '--yes'], [at]);
    assert.is(status, 65, stderr);
  }
  assert.is((await run(['purge', 'queue', '', '--yes'], [at])).status, 64);
  assert.is((await run(['create', 'queue', 'ü'.repeat(128)], [at])).status, 64);
  assert.is(paths.length, 1);
});

test('escapes control characters of names', async () => {
  const hostile = '\u001b[2J\n\t\u202eevil';
  const at = await serve((_, response) => response.end(JSON.stringify([{ name: hostile, vhost: hostile }])));
  for (const terminal of [undefined, 120]) {
    const { stdout } = await runCli(['admin', 'list', 'queues', '--columns', 'vhost,name'], {
      env: env([at]),
      terminal,
    });
    assert.match(stdout, '\\x1b[2J\\x0a\\x09\\u202eevil');
    assert.not.ok(stdout.includes('\u001b') || stdout.includes('\u202e'));
    assert.is(stdout.split('\n').length, 3);
  }
});

test('escapes control characters of an export on a terminal, not in a pipe', async () => {
  const name = 'x\u009b31m\u202e';
  const at = await serve((_, response) => response.end(JSON.stringify({ queues: [{ name }] })));
  for (const [terminal, isRaw] of [
    [undefined, true],
    [120, false],
  ] as const) {
    const { stdout } = await runCli(['admin', 'export', 'definitions'], { env: env([at]), terminal });
    assert.is(stdout.includes(name), isRaw);
    assert.equal(JSON.parse(stdout), { queues: [{ name }] });
  }
});

test('refuses an untrusted certificate, and accepts one of --ca', async () => {
  const { key, cert, file } = certificate();
  const server = createSecureServer({ key, cert }, json);
  const at = `https://${await listening(server)}`;
  const without = await list([at]);
  assert.is(without.status, 76, without.stderr);
  assert.match(without.stderr, /TLS failed: .* \[TLS\]\nhint: .*: --ca FILE/);
  const { status, stderr } = await list([at], ['--ca', file]);
  assert.equal([status, stderr], [0, '']);
  const plain = await list([(await serve(json)).replace('http:', 'https:')]);
  assert.is(plain.status, 76, plain.stderr);
});

test('prints no part of an invalid address', async () => {
  for (const at of ['ftp://x', 'http://', '127.0.0.1:15672', 'http://h:99999', 'http://h/?x=1']) {
    const { status, stderr } = await runCli(['admin', 'whoami'], { env: { MQ_MANAGEMENT_URL: addressWithCanary(at) } });
    assert.is(status, 64, stderr);
    assert.not.match(stderr, 'canary');
  }
});

async function list(at: readonly string[], more: readonly string[] = []): Promise<CliRun> {
  return run(['list', 'exchanges', ...more], at);
}

async function run(words: readonly string[], at: readonly string[], drain?: AbortSignal): Promise<CliRun> {
  const result = await runCli(['admin', ...words], { env: env(at), ...(drain && { drain }) });
  assertNoSecret(result);
  return result;
}

/** Returns `host:port`, or the URL without a user. */
function env(at: readonly string[]): Record<string, string> {
  const urls = at.map((one) => {
    const [scheme = 'http', rest = one] = one.includes('://') ? one.split('://') : ['http', one];
    return addressWithCanary(rest, { scheme });
  });
  return { MQ_MANAGEMENT_URL: urls.join(',') };
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://${await listening(createServer(listener))}`;
}

async function raw(onConnection: (socket: import('node:net').Socket) => void): Promise<string> {
  return listening(createTcpServer(onConnection));
}

async function closedPort(): Promise<string> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return `127.0.0.1:${port}`;
}

async function listening(server: Server & { closeAllConnections?: () => void }): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(() => {
    server.close();
    server.closeAllConnections?.();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.run();
