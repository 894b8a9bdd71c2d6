// Tests the current token of a source: commands, files, a token server, renewal, and errors.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { redactor } from '../../../src/config/redact.ts';
import { MqError } from '../../../src/errors.ts';
import { startCommandsBy } from '../../../src/login/command-spawn.ts';
import type { ClientCredentials, TokenSource } from '../../../src/login/login.ts';
import { forgetToken, renewedToken, tokenOf } from '../../../src/login/tokens.ts';
import { authority } from '../../support/authority.ts';
import { emptyFolder } from '../../support/mq.ts';
import { until } from '../../support/until.ts';

startCommandsBy(spawn);
const folder = emptyFolder();
const count = (name: string) => readFileSync(join(folder, name), 'utf8').split('\n').length - 1;
const commandOf = (command: string): TokenSource => ({ kind: 'command', from: '--token-command', command, folder });

async function failureOf(source: TokenSource, get = tokenOf): Promise<MqError> {
  try {
    await get(source);
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('the source has returned a token');
}

test('runs a command once for all connections while its token is valid', async () => {
  const source = commandOf('echo x >> once; echo \'{"access_token":"t-1","expires_in":300}\'');
  const [one, two] = await Promise.all([tokenOf(source), tokenOf(source)]);
  assert.is(one, two);
  assert.is(await tokenOf(source), one);
  assert.is(count('once'), 1);
  const [renewal = 0, expiry = 0] = [one.renewAt, one.expiresAt].map((time) => (time ?? 0) - Date.now());
  assert.ok(Math.abs(renewal / expiry - 0.8) < 0.01, `${renewal} of ${expiry}`);
});

test('runs the command again after 80 % of the lifetime, or after a refusal', async () => {
  const source = commandOf('echo x >> more; echo "{\\"token\\":\\"t-$(wc -l < more)\\",\\"expires_in\\":1}"');
  const renewed = commandOf(
    'echo x >> again; echo "{\\"access_token\\":\\"t-$(wc -l < again | tr -d " ")\\",\\"expires_in\\":1}"',
  );
  const first = await tokenOf(source);
  assert.is((await tokenOf(source)).text, first.text);
  forgetToken(first);
  assert.is.not((await tokenOf(source)).text, first.text);
  const short = await tokenOf(renewed);
  await until('the token is renewed', async () => (await tokenOf(renewed)).text !== short.text);
});

test('redacts each token in all texts', async () => {
  const redact = redactor([]);
  const { text } = await tokenOf(commandOf('echo a-token-to-hide'));
  const basic = Buffer.from(`\0\0${text}`).toString('base64');
  assert.is(redact(`${text} ${encodeURIComponent(text)} ${basic}`), '*** *** ***');
});

test('reads a file again at its renewal', async () => {
  const file = join(folder, 'token.txt');
  const source: TokenSource = { kind: 'file', from: 'MQ_TOKEN_FILE', file };
  writeFileSync(file, '{"access_token":"file-1","expires_in":1}\n');
  assert.is((await tokenOf(source)).text, 'file-1');
  writeFileSync(file, 'file-2\n');
  await until('the file is read again', async () => (await tokenOf(source)).text === 'file-2');
});

for (const [title, source, code, message] of [
  ['fails', commandOf('echo "no session" >&2; exit 3'), 'NOT_PERMITTED', /ended with status 3: no session$/],
  ['does not exist', commandOf('./nosuch'), 'NOT_PERMITTED', /ended with status 127: .*nosuch/],
  ['is killed', commandOf('kill -9 $$'), 'NOT_PERMITTED', /was ended by SIGKILL$/],
  ['prints no token', commandOf('true'), 'BAD_DATA', /^--token-command: there is no token$/],
  ['prints too much', commandOf('yes'), 'BAD_DATA', /printed more than 1 MiB$/],
] as const)
  test(`reports a command that ${title} in one line`, async () => {
    const { code: actual, message: text } = await failureOf(source);
    assert.is(actual, code, text);
    assert.match(text, message);
    assert.not.match(text, /\n/);
  });

test('does not wait for a process that the command left in the background', async () => {
  // The process ends when this file exists. Waiting for it would end with DEADLINE.
  const release = join(folder, 'release');
  const { text } = await tokenOf(commandOf('(while [ ! -e release ]; do sleep 0.05; done) & echo token-of-shell'));
  writeFileSync(release, '');
  assert.is(text, 'token-of-shell');
});

test('prints no word of stdout of a command that fails', async () => {
  for (const printed of ['short-token-0815', '{"access_token":"short-token-0815"}']) {
    const command = `echo '${printed}'; echo 'expired: short-token-0815' >&2; exit 1`;
    const { message } = await failureOf(commandOf(command));
    assert.is(message, 'the command of --token-command ended with status 1: expired: ***');
  }
});

test('prints no secret of a command that fails', async () => {
  const { message } = await failureOf(
    commandOf('echo eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2VjcmV0 >&2; echo stdout-s3cret; exit 1'),
  );
  assert.is(message, 'the command of --token-command ended with status 1: ***');
});

test('reports that a source no longer works as temporary', async () => {
  const source = commandOf('[ ! -e used ] || exit 1; touch used; echo \'{"access_token":"t","expires_in":1}\'');
  await tokenOf(source);
  const error = await until('the renewal fails', () =>
    tokenOf(source).then(
      () => undefined,
      (failure: MqError) => failure,
    ),
  );
  assert.is(error.code, 'UNAVAILABLE');
});

test('uses the old token until it expires if the source fails', async () => {
  const file = join(folder, 'failing.txt');
  const source: TokenSource = { kind: 'file', from: 'MQ_TOKEN_FILE', file };
  writeFileSync(file, '{"access_token":"old","expires_in":100}');
  mock.timers.enable({ apis: ['Date'] });
  try {
    const { text } = await tokenOf(source);
    writeFileSync(file, 'not a token');
    mock.timers.tick(81_000);
    assert.is((await failureOf(source, renewedToken)).code, 'UNAVAILABLE');
    const old = await tokenOf(source);
    assert.is(old.text, text);
    assert.ok(Number(old.renewAt) > Date.now(), 'the source is not asked again at once');
    mock.timers.tick(20_000);
    assert.is((await failureOf(source)).code, 'UNAVAILABLE');
  } finally {
    mock.timers.reset();
  }
});

test('uses the old token while the source is slow', async () => {
  const gate = join(folder, 'gate');
  execFileSync('mkfifo', [gate]);
  // The second run waits until the test writes to the pipe.
  const source = commandOf(
    `[ ! -e slow ] || read -r line < ${gate}; echo x >> slow; printf '{"access_token":"slow-%s","expires_in":100}' $(wc -l < slow)`,
  );
  mock.timers.enable({ apis: ['Date', 'setTimeout'] });
  try {
    assert.is((await tokenOf(source)).text, 'slow-1');
    mock.timers.tick(81_000);
    const renewed = renewedToken(source);
    const current = tokenOf(source);
    mock.timers.tick(5_000);
    assert.is((await current).text, 'slow-1');
    await writeFile(gate, '\n');
    assert.is((await renewed).text, 'slow-2');
    assert.is((await tokenOf(source)).text, 'slow-2');
  } finally {
    mock.timers.reset();
  }
});

interface Asked {
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

type Answer = (asked: Asked) => readonly [status: number, text: string];

/** Calls `use` with the URL of a token server, and returns what it was asked. */
async function withServer(answer: Answer, use: (url: string) => Promise<void>, tls?: { cert: Buffer; key: Buffer }) {
  const asked: Asked[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const one = { authorization: request.headers.authorization, form: new URLSearchParams(text) };
      asked.push(one);
      const [status, body] = answer(one);
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  };
  const server: Server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await use(`${tls ? 'https' : 'http'}://127.0.0.1:${port}/token`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return asked;
}

const client = (url: string, more: Partial<ClientCredentials> = {}): ClientCredentials => ({
  ...{ kind: 'client', from: 'MQ_OAUTH_TOKEN_URL', url, clientId: 'mq client', clientSecret: 's3cret:%' },
  ...more,
});

test('gets a token by client credentials', async () => {
  const asked = await withServer(
    () => [200, '{"access_token":"server-1","expires_in":300}'],
    async (url) => {
      const { text } = await tokenOf(client(url, { scope: 'rabbitmq.read:*/*', audience: 'rabbitmq' }));
      assert.is(text, 'server-1');
    },
  );
  const [{ authorization = '', form } = { form: new URLSearchParams() }] = asked;
  assert.is(Buffer.from(authorization.slice(6), 'base64').toString(), 'mq+client:s3cret%3A%25');
  assert.is(form.toString(), 'grant_type=client_credentials&scope=rabbitmq.read%3A*%2F*&audience=rabbitmq');
});

test('trusts the authority of the broker for a token server with TLS', async () => {
  const own = authority();
  const answer: Answer = () => [200, '{"access_token":"server-2"}'];
  const use = async (url: string) => {
    assert.is((await failureOf(client(url))).code, 'TLS');
    assert.is((await tokenOf(client(url, { ca: own.caFile }))).text, 'server-2');
  };
  await withServer(answer, use, own.sign('/CN=127.0.0.1'));
});

for (const [status, body, code, message] of [
  [
    401,
    '{"error":"invalid_client","error_description":"s3cret:%"}',
    'NOT_PERMITTED',
    /refused a token: invalid_client/,
  ],
  [404, 'not here', 'NOT_PERMITTED', /refused a token: HTTP \(404\)$/],
  [503, '', 'UNAVAILABLE', /answered 503$/],
  [200, '<html>', 'BAD_DATA', /: the answer is not a JSON object$/],
] as const)
  test(`reports an answer of the token server with ${status} and ${code}`, async () => {
    await withServer(
      () => [status, body],
      async (url) => {
        const error = await failureOf(client(url));
        assert.is(error.code, code, error.message);
        assert.match(error.message, message);
        assert.not.match(`${error.message} ${error.hint}`, /s3cret/);
      },
    );
  });

for (const url of ['http://example.org/token', 'https://user:pw@example.org/token', 'ftp://localhost', 'nonsense'])
  test(`refuses ${url} as the URL of a token server`, async () => {
    const { code, message } = await failureOf(client(url));
    assert.is(code, 'USAGE');
    assert.not.match(message, /pw@/);
  });

test('reports a token server that does not answer', async () => {
  assert.is((await failureOf(client('http://127.0.0.1:1/token'))).code, 'UNAVAILABLE');
});

test.run();
