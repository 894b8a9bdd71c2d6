import type { IncomingMessage } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Guard } from '../../../src/web/guard.ts';

const asking = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;
const open = new Guard({ allowedHosts: ['Web.Example'], password: undefined });
const locked = new Guard({ allowedHosts: [], password: 's3cret:ü' });

for (const host of [
  '127.0.0.1:15680',
  'localhost',
  'LOCALHOST:1',
  '[::1]:15680',
  '10.0.0.5',
  'web.example:80',
  'web.example.',
]) {
  test(`accepts the host ${host}`, () => assert.is(open.request(asking({ host })), undefined));
}

for (const host of [
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '127.0.0.1:x',
  '',
  ':80',
  '[evil]',
  'web.example:80:80',
]) {
  test(`refuses the host '${host}'`, () => assert.is(open.request(asking({ host }))?.status, 421));
}

test('refuses a request without a host', () => assert.is(open.request(asking({}))?.status, 421));

test('accepts a WebSocket only from a page of its own host and port', () => {
  const host = '127.0.0.1:15680';
  assert.is(open.changing(asking({ host, origin: 'http://127.0.0.1:15680' })), undefined);
  for (const origin of ['http://127.0.0.1:15681', 'http://localhost:15680', 'http://evil.example', 'null', '']) {
    assert.is(open.changing(asking({ host, origin }))?.status, 403, origin);
  }
  assert.is(open.changing(asking({ host }))?.status, 403, 'none');
});

test('refuses background requests of other sites, but not a link to the page', () => {
  const host = 'localhost:1';
  assert.is(open.request(asking({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }))?.status, 403);
  assert.is(open.request(asking({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })), undefined);
});

test('requires the password or the session cookie', () => {
  const host = 'localhost:1';
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  assert.is(locked.request(asking({ host }))?.status, 401);
  assert.is(locked.request(asking({ host, authorization: basic('me:wrong') }))?.status, 401);
  assert.is(locked.request(asking({ host, authorization: basic('me') }))?.status, 401);
  assert.is(locked.request(asking({ host, authorization: basic('me:s3cret:ü') })), undefined);
  const [cookie = '', ...rest] = (locked.cookie ?? '').split('; ');
  assert.equal(rest, ['HttpOnly', 'SameSite=Strict', 'Path=/']);
  assert.is(locked.request(asking({ host, cookie: `a=b; ${cookie}` })), undefined);
  assert.is(locked.request(asking({ host, cookie: cookie.replace(/=.*/, '=') }))?.status, 401);
  assert.not.match(locked.cookie ?? '', /s3cret/);
  assert.is(locked.changing(asking({ host, cookie, origin: 'http://localhost:1' })), undefined);
});

test('two servers on one host use different cookies', () => {
  const [one, other] = [locked, new Guard({ allowedHosts: [], password: 'other' })].map(
    ({ cookie }) => cookie?.split('=')[0],
  );
  assert.is.not(one, other);
});

test.run();
