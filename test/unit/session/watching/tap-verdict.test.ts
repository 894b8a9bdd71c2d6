// Tests which exchanges a tap may be bound to, and the effects that it reports.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ExchangeFacts, tapVerdict } from '../../../../src/session/tap.ts';

const none = { isAutoDelete: false, alternate: null, bindings: [] };
const facts = (type: string | undefined, more: Partial<ExchangeFacts> = {}): ExchangeFacts => {
  return { name: 'e', type, ...none, ...more };
};
const bound = (key: string, more: object = {}) => ({ key, arguments: {}, isToQueue: true, ...more });
const isSafe = (one: ExchangeFacts, keys?: readonly string[]) => {
  const { refusal, warnings } = tapVerdict(one, keys);
  assert.is(refusal, undefined);
  return warnings.length === 0;
};

test('a type that sends a message to one binding is refused', () => {
  for (const type of ['x-consistent-hash', 'x-random', 'x-modulus-hash', 'x-local-random']) {
    const { refusal, sources } = tapVerdict(facts(type), ['1']);
    assert.match(refusal ?? '', type);
    assert.equal(sources, []);
  }
  assert.match(tapVerdict({ ...facts('direct'), name: '' }, undefined).refusal ?? '', /default exchange/);
});

test('an unknown type is a warning', () => {
  assert.match(tapVerdict(facts('x-new', { bindings: [bound('')] }), undefined).warnings[0] ?? '', 'x-new');
});

test('a tap without keys receives every message of its type', () => {
  const keys = (one: ExchangeFacts) => tapVerdict(one, undefined).sources.map(({ bindingKey }) => bindingKey);
  assert.equal(keys(facts('topic')), ['#']);
  assert.equal(keys(facts('fanout')), ['']);
  assert.equal(keys(facts('direct', { bindings: [bound('a'), bound('b'), bound('a')] })), ['a', 'b']);
  assert.equal(tapVerdict(facts('headers'), undefined).sources, [
    { exchange: 'e', bindingKey: '', arguments: { 'x-match': 'all' } },
  ]);
  assert.match(tapVerdict(facts('direct'), undefined).refusal ?? '', /no wildcard/);
});

test('a tap is safe if another queue receives all of its messages', () => {
  assert.ok(isSafe(facts('fanout', { bindings: [bound('x')] })));
  assert.ok(isSafe(facts('direct', { bindings: [bound('a')] }), ['a']));
  assert.ok(isSafe(facts('topic', { bindings: [bound('a.#')] }), ['a.*']));
  assert.ok(isSafe(facts('headers', { bindings: [bound('')] })));
});

test('a tap warns if messages may reach only its own queue', () => {
  const others: [string, object, string[]?][] = [
    ['fanout', {}],
    ['fanout', { bindings: [bound('', { isToQueue: false })] }],
    ['fanout', { bindings: undefined }],
    ['direct', { bindings: [bound('a')] }, ['a', 'b']],
    ['topic', { bindings: [bound('a.*')] }, ['a.#']],
    ['headers', { bindings: [bound('', { arguments: { tenant: 'acme' } })] }],
  ];
  for (const [type, more, keys] of others) assert.not(isSafe(facts(type, more), keys), JSON.stringify([type, more]));
  const [warning = ''] = tapVerdict(facts('fanout', { alternate: 'spare' }), undefined).warnings;
  assert.match(warning, /alternate exchange 'spare'/);
});

test('an auto-delete exchange is a warning only without another binding', () => {
  assert.match(tapVerdict(facts('fanout', { isAutoDelete: true }), undefined).warnings.join(), /auto-delete/);
  assert.ok(isSafe(facts('fanout', { isAutoDelete: true, bindings: [bound('')] })));
});

test('facts that could not be read are a warning', () => {
  const unread = 'the policies (no answer)';
  const { warnings } = tapVerdict(facts('fanout', { bindings: [bound('')], unread }), undefined);
  assert.equal(warnings, ["mq could not check the policies (no answer) of 'e'"]);
});

test.run();
