// Tests the renewals of open connections, with connections of the test and a clock of the test.

import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MqError } from '../../../../src/errors.ts';
import type { TokenSource } from '../../../../src/login/login.ts';
import { tokenOf } from '../../../../src/login/tokens.ts';
import { TokenRenewal } from '../../../../src/session/connecting/token-renewal.ts';
import type { OpenConnection } from '../../../../src/session/patches/open-connection.ts';
import { emptyFolder } from '../../../support/mq.ts';

test.before.each(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }));
test.after.each(() => mock.timers.reset());

/** A connection of amqplib that records the new tokens. */
class FakeConnection extends EventEmitter {
  readonly connection = Object.assign(new EventEmitter(), {
    stream: new PassThrough().on('error', () => undefined),
    blocked: false,
  });
  readonly secrets: string[] = [];
  #accept: (() => void) | undefined;

  get open(): OpenConnection {
    return this as unknown as OpenConnection;
  }

  updateSecret(secret: Buffer, _reason: string, next: () => void): void {
    this.secrets.push(secret.toString());
    this.#accept = next;
  }

  accept(): void {
    this.#accept?.();
  }
}

/** Writes the file of the tokens. A number is the lifetime in seconds. */
async function fixture({ connections }: { connections: number }) {
  const file = join(emptyFolder(), 'token');
  const source: TokenSource = { kind: 'file', from: 'MQ_TOKEN_FILE', file };
  const write = (token: string, seconds?: number) =>
    writeFileSync(file, JSON.stringify({ access_token: token, ...(seconds !== undefined && { expires_in: seconds }) }));
  write('one', 100);
  const token = await tokenOf(source);
  const all = Array.from({ length: connections }, () => new FakeConnection());
  const logins = all.map(({ open }) => ({ connection: open, token }));
  const renewed: string[] = [];
  const failures: MqError[] = [];
  const renewal = new TokenRenewal({
    logins: () => logins,
    redact: (text) => text,
    onRenewed: ({ text }) => renewed.push(text),
    onFailed: (error) => failures.push(error),
  });
  renewal.start();
  return { all, write, renewal, renewed, failures };
}

/** Moves the clock, and lets the timers read the file. */
async function pass(seconds: number): Promise<void> {
  mock.timers.tick(seconds * 1000);
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const refusal = () => Object.assign(new Error('Connection closed: 530 (NOT-ALLOWED)'), { code: 530 });

test('keeps a connection whose new token has no expiry', async () => {
  const { all, write, renewed } = await fixture({ connections: 1 });
  const [connection] = all;
  write('two');
  await pass(81);
  assert.equal(connection?.secrets, ['two']);
  connection?.accept();
  assert.equal(renewed, ['two']);
  await pass(1000);
  assert.is(connection?.connection.stream.destroyed, false);
});

test('breaks a connection whose broker does not answer', async () => {
  const { all, write } = await fixture({ connections: 1 });
  write('two', 100);
  await pass(81);
  await pass(16);
  assert.is(all[0]?.connection.stream.destroyed, true);
});

test('waits for the answer while the broker blocks the connection', async () => {
  const { all, write, renewed } = await fixture({ connections: 1 });
  const [connection] = all;
  write('two');
  await pass(81);
  Object.assign(connection?.connection ?? {}, { blocked: true });
  await pass(60);
  assert.is(connection?.connection.stream.destroyed, false);
  connection?.accept();
  assert.equal(renewed, ['two']);
});

test('renews the other connections while one is lost', async () => {
  const { all, write, renewal } = await fixture({ connections: 2 });
  const [lost, other] = all;
  lost?.emit('close', new Error('reset'));
  write('two', 100);
  await pass(81);
  assert.equal([lost?.secrets, other?.secrets], [[], ['two']]);
  renewal.stop();
});

test('sends a token once if another connection is opened in the meantime', async () => {
  const { all, write, renewal } = await fixture({ connections: 1 });
  write('two', 100);
  await pass(81);
  all[0]?.accept();
  renewal.start();
  await pass(1);
  assert.equal(all[0]?.secrets, ['two']);
  renewal.stop();
});

test('sends nothing on a connection that was closed while the source worked', async () => {
  const { all, write, renewal } = await fixture({ connections: 1 });
  write('two', 100);
  mock.timers.tick(81_000);
  all[0]?.emit('close');
  await pass(0);
  assert.equal(all[0]?.secrets, []);
  renewal.stop();
});

test('reports only the refusal of a new token as such', async () => {
  const { all, write, renewal } = await fixture({ connections: 2 });
  write('two', 100);
  await pass(81);
  const [refused, forced] = [refusal(), Object.assign(new Error('320 (CONNECTION-FORCED)'), { code: 320 })];
  assert.is(renewal.refusalOf(Object.assign(new Error('404 (NOT-FOUND)'), { code: 404 })), undefined);
  all[0]?.emit('close', refused);
  all[1]?.emit('close', forced);
  assert.is(renewal.refusalOf(refused)?.code, 'UNAVAILABLE');
  assert.is(renewal.refusalOf(forced), undefined);
});

test('warns while the source fails, and reconnects when the token expires', async () => {
  const { all, write, failures } = await fixture({ connections: 1 });
  const { stream } = all[0]?.connection ?? {};
  write('not a token');
  await pass(81);
  assert.equal(
    failures.map(({ code }) => code),
    ['UNAVAILABLE'],
  );
  assert.is(stream?.destroyed, false);
  for (let second = 0; second < 20; second += 1) await pass(1);
  assert.is(stream?.destroyed, true);
});

test.run();
