// Tests logins that fail before or during the TLS handshake, and that no output contains a secret.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { authority } from '../../../support/authority.ts';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { assertRefused } from '../../../support/refusal.ts';

const own = authority();
const [server, expired, client] = [own.sign('/CN=s'), own.sign('/CN=old', { days: -1 }), own.sign('/CN=c')];
const foreign = authority().sign('/CN=c');
const folder = emptyFolder({ 'token.txt': 'file-t0ken-canary' });

const servers = new Set<ChildProcess>();
test.after(() => {
  for (const one of servers) one.kill();
});

/** Starts a TLS server that requires a client certificate, and returns its port. Node sends no alerts, OpenSSL does. */
function listening({ cert, key, isStrict }: { cert: string; key: string; isStrict: boolean }): Promise<number> {
  const strict = isStrict ? ['-Verify', '1', '-verify_return_error'] : [];
  const args = ['s_server', '-accept', '127.0.0.1:0', '-cert', cert, '-key', key, '-CAfile', own.caFile, ...strict];
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  servers.add(child);
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

const strict = await listening({ cert: server.certFile, key: server.keyFile, isStrict: true });
const outdated = await listening({ cert: expired.certFile, key: expired.keyFile, isStrict: false });
const certificate = (of: { certFile: string; keyFile: string }) => ({ MQ_CERT: of.certFile, MQ_KEY: of.keyFile });
const ca = { MQ_CA: own.caFile };
const toStrict = { MQ_URL: `amqps://127.0.0.1:${strict}`, ...ca };
const canary = 't0ken-canary-of-the-environment';
const local = 'amqp://127.0.0.1:1';
const external = '?auth_mechanism=external';

const rows: readonly {
  title: string;
  env: Record<string, string>;
  args?: readonly string[];
  exit: number;
  line: RegExp;
  hint?: RegExp;
}[] = [
  {
    title: 'a missing client certificate',
    env: toStrict,
    exit: 77,
    line: /the server requires a client certificate \[NOT_PERMITTED\]$/,
    hint: /--cert FILE --key FILE/,
  },
  {
    title: 'a client certificate of another authority',
    env: { ...toStrict, ...certificate(foreign) },
    exit: 77,
    line: /the server refused the client certificate \(unknown ca|bad certificate\)/,
    hint: /an authority that the server trusts/,
  },
  {
    title: 'an expired client certificate',
    env: { ...toStrict, ...certificate(expired) },
    exit: 76,
    line: /the client certificate \S+ expired at \S+ \[TLS\]$/,
    hint: /^renew it/,
  },
  {
    title: 'an expired certificate of the broker',
    env: { MQ_URL: `amqps://127.0.0.1:${outdated}`, ...ca },
    exit: 76,
    line: /TLS failed: certificate has expired \[TLS\]$/,
    hint: /^renew the certificate/,
  },
  {
    title: 'an unknown authority of the broker',
    env: { MQ_URL: `amqps://127.0.0.1:${strict}` },
    exit: 76,
    line: /TLS failed: .*\[TLS\]$/,
    hint: /--ca FILE, MQ_CA/,
  },
  {
    title: 'a token and a password',
    env: { MQ_URL: 'amqp://anna:p4ssword-canary@127.0.0.1:1', MQ_TOKEN: canary },
    exit: 64,
    line: /the address of 127\.0\.0\.1:1 has a password, and MQ_TOKEN is set \[USAGE\]$/,
    hint: /or unset MQ_TOKEN$/,
  },
  {
    title: 'two tokens',
    env: { MQ_URL: local, MQ_TOKEN: canary, MQ_TOKEN_FILE: join(folder, 'token.txt') },
    exit: 64,
    line: /MQ_TOKEN and MQ_TOKEN_FILE are both set \[USAGE\]$/,
    hint: /^unset one/,
  },
  {
    title: 'a token and a login by certificate',
    env: { MQ_URL: `amqps://h${external}`, MQ_TOKEN: canary, ...certificate(client) },
    exit: 64,
    line: /has auth_mechanism=external, and MQ_TOKEN is set \[USAGE\]$/,
    hint: /^remove auth_mechanism/,
  },
  {
    title: 'a login by certificate without a certificate',
    env: { MQ_URL: `amqps://h${external}` },
    exit: 64,
    line: /but there is no client certificate \[USAGE\]$/,
    hint: /^name it and its key/,
  },
  {
    title: 'a token command that fails',
    env: { MQ_URL: local },
    args: ['--token-command', 'echo stdout-t0ken-canary; echo denied >&2; exit 4'],
    exit: 77,
    line: /the command of --token-command ended with status 4: denied \[NOT_PERMITTED\]$/,
    hint: /^run the command alone/,
  },
  {
    title: 'a token that is not one line',
    env: { MQ_URL: local, MQ_TOKEN: `${canary}\n${canary}` },
    exit: 65,
    line: /MQ_TOKEN: a token is one line/,
    hint: /mq help login/,
  },
  {
    title: 'client credentials without a secret',
    env: { MQ_URL: local, MQ_OAUTH_TOKEN_URL: 'https://127.0.0.1:1/token' },
    exit: 64,
    line: /MQ_OAUTH_TOKEN_URL requires MQ_OAUTH_CLIENT_ID and MQ_OAUTH_CLIENT_SECRET or/,
  },
  {
    title: 'a token server that does not answer',
    env: {
      MQ_URL: local,
      MQ_OAUTH_TOKEN_URL: 'https://127.0.0.1:1/token',
      MQ_OAUTH_CLIENT_ID: 'mq',
      MQ_OAUTH_CLIENT_SECRET: canary,
    },
    exit: 69,
    line: /the token server at 127\.0\.0\.1:1: connection refused \[UNAVAILABLE\]$/,
  },
  {
    title: 'a value of MQ_INSECURE that is neither 1 nor 0',
    env: { MQ_URL: local, MQ_INSECURE: 'yes' },
    exit: 64,
    line: /MQ_INSECURE must be 1 or 0, not 'yes' \[USAGE\]$/,
  },
];

for (const { title, env, args = [], exit, line, hint } of rows)
  for (const more of [[], ['--debug'], ['--log', 'json', '--log-level', 'debug']])
    test(`refuses ${title} ${more.join(' ')}`, async () => {
      const result = await runCli(['producer', 'hi', ...args, ...more], { env, cwd: folder });
      if (more.length === 0) assertRefused(result, { exit, line, ...(hint && { hint }) });
      assert.not.match(result.stdout + result.stderr, /canary/);
      assert.is(result.status, exit, result.stderr);
    });

test('no help contains a secret', async () => {
  const { stdout, stderr } = await runCli(['worker', '--help'], { env: { MQ_URL: local, MQ_TOKEN: canary } });
  assert.not.match(stdout + stderr, /canary/);
});

test.run();
