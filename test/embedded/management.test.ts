// Tests the HTTP API itself: authentication and invalid requests. The answers are those of RabbitMQ 4.3.

import { get } from 'node:https';
import { connect } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startManagement } from '../../src/broker/management.ts';
import { certificate } from '../support/certificate.ts';
import { everything } from '../support/embedded.ts';
import { withManagement } from '../support/management.ts';

test('returns the user of the request', () =>
  withManagement(async ({ ask }) => {
    const { status, body } = await ask('GET /whoami');
    assert.is(status, 200);
    assert.equal(body, { name: 'guest', tags: ['administrator'], is_internal_user: true });
  }));

test('answers 401 with a challenge without the right password', () =>
  withManagement(async ({ ask }) => {
    for (const asking of [
      { as: null },
      { as: 'guest:wrong' },
      { as: 'nobody:guest' },
      { as: null, headers: { authorization: 'Basic %' } },
      { as: null, headers: { authorization: 'Basic Z3Vlc3Q=' } },
      { as: null, headers: { authorization: 'Bearer guest' } },
    ]) {
      const { status, headers, body } = await ask('GET /whoami', asking);
      assert.is(status, 401);
      assert.is(headers['www-authenticate'], 'Basic realm="RabbitMQ Management"');
      assert.equal(body, { error: 'not_authorized', reason: 'Not_Authorized' });
    }
  }));

test('the tags of a user decide what the user may read', () =>
  withManagement(async ({ place, ask }) => {
    const { broker } = place;
    broker.addVhost('other');
    for (const tag of ['', 'management', 'monitoring']) {
      broker.users.put({ name: `u${tag}`, password: 'p', tags: tag === '' ? [] : [tag] });
      broker.users.allow(`u${tag}`, '/', { configure: '^mine', write: '.*', read: '.*' });
    }
    const rows = [
      ['GET /whoami', 401, 200, 200],
      ['GET /queues/%2F', 401, 200, 200],
      ['GET /queues/other', 401, 404, 200],
      ['PUT /queues/%2F/mine', 401, 201, 204],
      ['PUT /queues/%2F/yours', 401, 401, 401],
      ['PUT /queues/other/mine', 401, 404, 404],
      ['GET /nodes', 401, 401, 200],
      ['GET /users', 401, 401, 401],
      ['PUT /users/x', 401, 401, 401],
      ['PUT /permissions/%2F/x', 401, 401, 401],
      ['PUT /vhosts/x', 401, 401, 401],
      ['DELETE /vhosts/%2F', 401, 401, 401],
      ['GET /definitions', 401, 401, 401],
      ['POST /definitions', 401, 401, 401],
    ] as const;
    for (const [line, ...statuses] of rows) {
      const told: number[] = [];
      for (const tag of ['', 'management', 'monitoring']) {
        const put = line.startsWith('P') ? { body: { tags: '' } } : {};
        told.push((await ask(line, { as: `u${tag}:p`, ...put })).status);
      }
      assert.equal(told, statuses, line);
    }
    const seen = async (as: string) => (await ask('GET /vhosts?columns=name', { as })).body;
    assert.equal(await seen('umanagement:p'), [{ name: '/' }]);
    assert.equal(await seen('umonitoring:p'), [{ name: '/' }, { name: 'other' }]);
  }));

test('answers 404 for missing objects, 405 and 400 for bad requests', () =>
  withManagement(async ({ ask }) => {
    const rows = [
      ['GET /nonsense', 404, 'Object Not Found'],
      ['GET /vhosts/nope', 404, 'Object Not Found'],
      ['GET /queues/%2F/nope', 404, 'Object Not Found'],
      ['GET /exchanges/%2F/nope', 404, 'Object Not Found'],
      ['PUT /queues/nope/q', 404, 'not_found'],
      ['PUT /overview', 405, 'method_not_allowed'],
      ['GET /queues/%zz', 400, 'bad_request'],
      ['GET /queues/%ff', 400, 'bad_request'],
      ['PUT /policies/%2F/p', 400, 'bad_request'],
      ['PUT /user-limits/guest/max-channels', 501, 'not_implemented'],
    ] as const;
    for (const [line, status, error] of rows) {
      const told = await ask(line);
      assert.is(told.status, status, line);
      assert.is((told.body as Record<string, unknown>)['error'], error, line);
    }
    for (const body of ['{"durable":', '[]', 'null', '7', '{"durable":"perhaps"}', '{"arguments":[1]}']) {
      assert.is((await ask('PUT /queues/%2F/q', { body })).status, 400, body);
    }
    assert.is((await ask('GET /queues/%2F/q')).status, 404);
  }));

test('serves TLS with a certificate', () =>
  withManagement(async ({ place }) => {
    const { key, cert } = certificate();
    const management = await startManagement(place.broker, { tls: { key, cert } });
    try {
      assert.match(management.url, /^https:/);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        get(`${management.url}/api/whoami`, { ca: cert, auth: 'guest:guest', agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
      assert.is(status, 200);
    } finally {
      await management.close();
    }
  }));

test('HEAD has no body', () =>
  withManagement(async ({ ask }) => {
    const { status, body } = await ask('HEAD /queues');
    assert.is(status, 200);
    assert.is(body, undefined);
  }));

test('refuses a cross-site request of a browser', () =>
  withManagement(async ({ ask }) => {
    const site = (name: string) => ask('PUT /vhosts/v', { headers: { 'sec-fetch-site': name } });
    assert.is((await site('cross-site')).status, 403);
    assert.is((await site('same-origin')).status, 201);
  }));

test('refuses another host name on loopback, because of DNS rebinding', () =>
  withManagement(async ({ ask, place }) => {
    const status = async (host: string) => (await ask('PUT /vhosts/v', { headers: { host } })).status;
    for (const host of [
      'attacker.example',
      'attacker.example:15672',
      'localhost.example',
      '10.0.0.1',
      '127.0.0.1.example',
    ]) {
      assert.is(await status(host), 403, host);
    }
    assert.not.ok(place.broker.vhosts.has('v'));
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:15672', '[::1]:15672', 'mq.localhost']) {
      assert.is((await status(host)) < 300, true, host);
    }
  }));

test('answers 413 to a body that is too large, and stops reading', () =>
  withManagement(async ({ management }) => {
    const head = 'PUT /api/queues/%2F/q HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n';
    const mebibyte = 1024 * 1024;
    const chunk = `${mebibyte.toString(16)}\r\n${'x'.repeat(mebibyte)}\r\n`;
    for (const rest of [
      'Content-Length: 99999999999\r\n\r\n',
      // Sends one byte more than the limit; the rest is never sent.
      `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(16)}1\r\nx\r\n`,
    ]) {
      const socket = connect(management.port, '127.0.0.1');
      socket.on('error', () => {});
      const received = everything(socket);
      socket.write(head + rest);
      assert.match((await received).toString(), /^HTTP\/1\.1 413 /);
    }
  }));

test('refuses or repairs deep arguments, long names and half characters', () =>
  withManagement(async ({ ask }) => {
    const deep = `{"arguments":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    assert.is((await ask('PUT /queues/%2F/q', { body: deep })).status, 400);
    assert.is((await ask(`PUT /queues/%2F/${'q'.repeat(256)}`)).status, 400);
    assert.is((await ask(`PUT /vhosts/${'v'.repeat(256)}`)).status, 400);
    assert.is((await ask('PUT /queues/%2F/q')).status, 201);
    const bind = (body: unknown) => ask('POST /bindings/%2F/e/amq.topic/q/q', { body });
    assert.is((await bind({ routing_key: 'k'.repeat(256) })).status, 400);
    const { status, headers } = await bind('{"routing_key":"\\ud800","arguments":{"x":"\\udc00"}}');
    assert.is(status, 201);
    assert.match(String(headers['location']), /^q\/%25EF%25BF%25BD~/);
    assert.is((await ask('GET /bindings')).status, 200);
  }));

test('sorts, pages and filters lists, and selects columns', () =>
  withManagement(async ({ ask }) => {
    for (const name of ['b', 'C', 'a']) await ask(`PUT /queues/%2F/${name}`, { body: { durable: name !== 'C' } });
    const told = async (query: string) => (await ask(`GET /queues?${query}`)).body;
    assert.equal(await told('sort=name&columns=name'), [{ name: 'C' }, { name: 'a' }, { name: 'b' }]);
    assert.equal(await told('sort=name&sort_reverse=true&columns=name,durable'), [
      { name: 'b', durable: true },
      { name: 'a', durable: true },
      { name: 'C', durable: false },
    ]);
    assert.equal(await told('page=2&page_size=2&sort=name&columns=name'), {
      total_count: 3,
      filtered_count: 3,
      item_count: 1,
      page: 2,
      page_size: 2,
      page_count: 2,
      items: [{ name: 'b' }],
    });
    const names = async (query: string) => ((await told(`page=1&columns=name&${query}`)) as { items: unknown }).items;
    assert.equal(await names('name=c'), [{ name: 'C' }]);
    assert.equal(await names('name=%5E%5Bab%5D%24&use_regex=true&sort=name'), [{ name: 'a' }, { name: 'b' }]);
    assert.equal((await ask('GET /queues/%2F/a?columns=name')).body, { name: 'a' });
    for (const query of ['page=0', 'page=x', 'page=9', 'page=1&page_size=501']) {
      assert.is((await ask(`GET /queues?${query}`)).status, 400, query);
    }
  }));

test('ignores a slash at the end of a path, for every method', () =>
  withManagement(async ({ ask }) => {
    for (const [line, status] of [
      ['PUT /queues/%2F/q/', 201],
      ['GET /queues/%2F/q/', 200],
      ['GET /queues/', 200],
      ['GET /connections/', 200],
      ['GET /queues//', 404],
      ['GET /queues/%2F//', 404],
      ['DELETE /queues/%2F/q/contents/', 204],
      ['DELETE /queues/%2F/q/', 204],
      ['GET /queues/%2F/q', 404],
      ['GET /vhosts//', 200],
    ] as const) {
      assert.is((await ask(line)).status, status, line);
    }
  }));

test('orders a list by vhost and name unless sort is set', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /vhosts/a');
    for (const queue of ['a/y', '%2F/c', 'a/x', '%2F/b'])
      await ask(`PUT /queues/${queue}`, { body: { durable: true } });
    const names = async (path: string) => {
      const { body } = await ask(`GET ${path}`);
      const items = Array.isArray(body) ? body : (body as { items: unknown[] }).items;
      return items.map((item: Record<string, unknown>) => `${item['vhost']} ${item['name'] ?? item['destination']}`);
    };
    assert.equal(await names('/queues'), ['/ b', '/ c', 'a x', 'a y']);
    assert.equal(await names('/queues?page=2&page_size=2'), ['a x', 'a y']);
    assert.equal(await names('/queues?sort=messages'), ['/ b', '/ c', 'a x', 'a y']);
    assert.equal(await names('/queues?sort=vhost&sort_reverse=true'), ['a y', 'a x', '/ c', '/ b']);
    assert.equal(await names('/bindings'), ['/ b', '/ c', 'a x', 'a y']);
  }));

test('name patterns are PCRE without case; an invalid one finds nothing', () =>
  withManagement(async ({ ask }) => {
    for (const name of ['tasks', 'tasks-a', 'UP', '7', `${'a'.repeat(60)}!`]) {
      await ask(`PUT /queues/%2F/${name}`, { body: { durable: true } });
    }
    const found = async (pattern: string) => {
      const query = new URLSearchParams({ page: '1', use_regex: 'true', name: pattern, columns: 'name' });
      const { status, body } = await ask(`GET /queues?${query}`);
      return status === 200 ? (body as { items: { name: string }[] }).items.map(({ name }) => name) : status;
    };
    assert.equal(await found('^tasks\\-[a-z]+$'), ['tasks-a']);
    assert.equal(await found('(?i)^up$'), ['UP']);
    assert.equal(await found('^up$'), ['UP']);
    assert.equal(await found('\\Atasks\\z'), ['tasks']);
    assert.equal(await found('^[[:alpha:]]+$'), ['UP', 'tasks']);
    assert.equal(await found('('), []);
    // JavaScript's own engine does not terminate with this pattern.
    assert.equal(await found('(a+)+$'), ['tasks-a']);
    assert.is(await found('^(?!tasks)'), 400);
    assert.is(await found('(a)\\1'), 400);
  }));

test('refuses a taken port, and close interrupts a request', () =>
  withManagement(async ({ place, management }) => {
    const failure = await startManagement(place.broker, { port: management.port }).catch((error: unknown) => error);
    assert.is((failure as { code: string }).code, 'SYSTEM');
    const socket = connect(management.port, '127.0.0.1');
    const received = everything(socket);
    await new Promise((resolve) => {
      socket.once('data', resolve);
      socket.write('PUT /api/vhosts/v HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n');
      socket.write('Content-Length: 9\r\nExpect: 100-continue\r\n\r\n');
    });
    await management.close();
    assert.is((await received).toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.not.ok(place.broker.vhosts.has('v'));
  }));

test.run();
