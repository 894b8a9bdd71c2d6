import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rascalSettings } from '../../../src/config/rascal-settings.ts';
import { replaceVariables } from '../../../src/config/reading/environment.ts';
import { plainOf } from '../../../src/config/reading/item.ts';
import { parse } from '../../../src/config/reading/parse.ts';
import { builtin, configOf, goodFiles, linesOf, rascalResult } from './fixture.ts';

test('accepts the built-in file', () => {
  assert.equal(linesOf(builtin), []);
});

test('has fixture files', () => {
  assert.is(goodFiles.length, 3);
});

for (const [name, text] of [...goodFiles, ['the built-in file', JSON.stringify(builtin)] as const]) {
  test(`accepts ${name}, as Rascal does`, () => {
    assert.equal(linesOf(text), []);
    const { tree } = parse(text);
    if (tree === undefined) throw new Error('not parsed');
    rascalResult(plainOf(replaceVariables(tree, { env: {}, text }).tree));
  });

  test(`generates settings that Rascal accepts for ${name}, whole and in parts`, () => {
    const config = configOf(text);
    const needs = { connectionName: 'test', heartbeatSeconds: 10 };
    const publications = Object.keys(config.publications);
    const subscriptions = Object.keys(config.subscriptions);
    rascalResult(rascalSettings(config, { ...needs, publications, subscriptions }));
    rascalResult(rascalSettings(config, { ...needs, publications, subscriptions, declare: false }));
    for (const one of publications) {
      const made = rascalResult(rascalSettings(config, { ...needs, publications: [one], subscriptions: [] }));
      assert.is(made.publications[one]?.['confirm'], true);
    }
    for (const one of subscriptions) {
      const made = rascalResult(rascalSettings(config, { ...needs, publications: [], subscriptions: [one] }));
      assert.ok(made.subscriptions[one]?.['source']);
    }
  });
}

test('reports a problem in a file that Rascal refuses', () => {
  for (const file of [
    { vhosts: { v: { exchange: {} } } },
    { vhosts: { v: { connectionStrategy: 'first' } } },
    { vhosts: { v: { queues: { q: { durable: true } } } } },
    { vhosts: { v: { exchanges: ['e'], bindings: ['e -> q'] } } },
    { vhosts: { v: { queues: ['q'], bindings: ['e -> q'] } } },
    { vhosts: { v: {} }, publications: { p: { vhost: 'v' } } },
    { vhosts: { v: {} }, publications: { p: { vhost: 'w', queue: 'q' } } },
    { vhosts: { v: { queues: ['q'], publications: { p: { queue: 'q', replyTo: 'r' } } } } },
    { vhosts: { v: { queues: ['q'], subscriptions: { s: { queue: 'q', redeliveries: { counter: 'c' } } } } } },
    { vhosts: { v: {} }, encryption: { e: { key: '00' } } },
  ]) {
    assert.throws(() => rascalResult(file), undefined, JSON.stringify(file));
    assert.ok(linesOf(file).length > 0, JSON.stringify(file));
  }
});

test.run();
