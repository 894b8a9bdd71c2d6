// Tests the checks of delays in rascal.json, and what mq declares for them.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wantedTopology } from '../../../../src/topology/wanted.ts';
import { configOf, problemsOf } from '../fixture.ts';

const file = (options: object, mq: object) => ({
  vhosts: { '/': { queues: { q: {} }, exchanges: { e: { type: 'direct' } } } },
  publications: { late: { exchange: 'e', routingKey: 'k', options }, soon: { queue: 'q' } },
  subscriptions: { q: { queue: 'q' } },
  mq,
});
const codesOf = (content: unknown) => problemsOf(JSON.stringify(content)).map(({ code, path }) => `${path} ${code}`);

test('a delay is a duration or a boolean of a publication that exists', () => {
  for (const delay of ['1h', 1500, true, false])
    assert.equal(codesOf(file({}, { publications: { late: { delay } } })), [], String(delay));
  for (const delay of [0, -1, 'soon', '60d', '1.5ms', null])
    assert.equal(codesOf(file({}, { publications: { late: { delay } } })).length, 1, String(delay));
  assert.equal(codesOf(file({}, { publications: { lost: { delay: 1 } } })), ['mq.publications.lost reference']);
  assert.equal(codesOf(file({}, { publications: { task: { delay: 1000 } } })), []);
});

test('a delayed publication has no option that the delay loses', () => {
  const options = { expiration: 1000, priority: 3, CC: ['a'], BCC: ['b'] };
  assert.equal(codesOf(file(options, {})), []);
  assert.equal(
    codesOf(file(options, { publications: { late: { delay: '1h' } } })),
    ['expiration', 'priority', 'CC', 'BCC'].map((option) => `publications.late.options.${option} value`),
  );
  assert.equal(
    codesOf(file({ headers: { CC: ['a'], priority: 'high' } }, { publications: { late: { delay: true } } })),
    ['publications.late.options.headers.CC value'],
  );
  assert.equal(codesOf(file({ priority: 0 }, { publications: { late: { delay: true } } })), []);
});

test('a delayed publication has no decimal', () => {
  const price = [{ '!': 'decimal', value: { digits: 5, places: 1 } }];
  const options = { headers: { price, name: 'a' } };
  assert.equal(codesOf(file(options, {})), []);
  assert.equal(codesOf(file(options, { publications: { late: { delay: '1h' } } })), [
    'publications.late.options.headers.price value',
  ]);
});

test('a classic queue cannot have the name of a queue for delayed messages', () => {
  const quorum = { options: { arguments: { 'x-queue-type': 'quorum' } } };
  const own = (queues: object, delay?: string) =>
    codesOf({ vhosts: { '/': { queues } }, mq: { ...(delay !== undefined && { delay }) } });
  for (const name of ['mq.delay.level.03', 'mq.delay.to.q', 'mq.delay.2000.to.q', 'mq.delay.unroutable']) {
    assert.equal(own({ [name]: {} }), [`vhosts["/"].queues["${name}"] value`]);
    assert.equal(own({ [name]: quorum }), []);
    assert.equal(own({ [name]: {} }, 'shop'), []);
  }
  assert.equal(own({ 'mq.delay.mine': {}, 'mq.delays.to.q': {} }), []);
  assert.equal(own({}, ''), ['mq.delay value']);
});

test('requests and dead letters have no delay', () => {
  const publications = { late: { delay: '1h' } };
  const roles = { ask: { request: 'late' } };
  assert.equal(codesOf(file({}, { publications, roles })), ['mq.roles.ask value']);
  const retry = { deadLetter: { publication: 'late' } };
  assert.equal(codesOf(file({}, { publications, retry })), ['mq.retry.deadLetter.publication value']);
  assert.equal(codesOf(file({}, { publications, subscriptions: { q: { retry } } })), [
    'mq.subscriptions.q.retry.deadLetter.publication value',
  ]);
});

test('mq declares a wait queue for a fixed delay, and levels for any delay', () => {
  const namesOf = (mq: object) => {
    const { exchanges, queues } = wantedTopology(configOf(file({}, mq)), '/');
    return [exchanges, queues].map((items) => items.map(({ name }) => name).filter((name) => name.includes('delay')));
  };
  assert.equal(namesOf({ publications: { late: { delay: '1h' } } }), [[], ['mq.delay.3600000.to.e/k']]);
  const [exchanges = [], queues = []] = namesOf({ delay: 'shop.delay', publications: { soon: { delay: true } } });
  assert.is(exchanges.length, 25);
  assert.is(queues.length, 25);
  assert.ok(queues.includes('shop.delay.to.q'));
  assert.equal(namesOf({ publications: { late: { delay: false } } }), [[], []]);
});

test.run();
