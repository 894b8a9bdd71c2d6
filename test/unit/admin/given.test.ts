import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Call } from '../../../src/admin/action.ts';
import { refuseMirroring } from '../../../src/admin/actions/mirroring.ts';
import { addressOf, parseManagement } from '../../../src/admin/address.ts';
import { argumentsOf, tagsOf } from '../../../src/admin/given.ts';
import { apiPath, query } from '../../../src/admin/path.ts';
import { reasonOf } from '../../../src/admin/refusal.ts';
import { MqError } from '../../../src/errors.ts';

const guest = { user: 'guest', password: 'guest' };

function call(given: Partial<Call>): Call {
  return { usage: (message: string) => new MqError('USAGE', message), say: () => undefined, ...given } as Call;
}

function failure(work: () => unknown): MqError {
  try {
    work();
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('arguments of queues are what they look like', () => {
  const pairs = [
    'a=1',
    'b=007',
    'c=true',
    'd=x=y',
    'e=',
    'f={"a":[1]}',
    'g={no',
    'h=9007199254740993',
    'i=-1.5',
    'j="1"',
  ];
  const found = argumentsOf(call({ list: () => pairs }));
  assert.equal(found, {
    a: 1,
    b: '007',
    c: true,
    d: 'x=y',
    e: '',
    f: { a: [1] },
    g: '{no',
    h: '9007199254740993',
    i: -1.5,
    j: '1',
  });
  assert.is(failure(() => argumentsOf(call({ list: () => ['nothing'] }))).code, 'USAGE');
});

test("a slip of one of RabbitMQ's tags is refused, others are told", () => {
  const said: string[] = [];
  const tags = (...rest: string[]) => tagsOf(call({ rest, say: (line) => said.push(line) }));
  assert.equal(tags('administrator', 'monitoring,policymaker', 'management', 'impersonator', 'monitoring'), [
    'administrator',
    'monitoring',
    'policymaker',
    'management',
    'impersonator',
  ]);
  assert.equal(said, []);
  assert.match(failure(() => tags('administrater')).message, "did you mean 'administrator'?");
  assert.equal(tags('billing'), ['billing']);
  assert.is(said.length, 1);
});

test('a policy of mirrored queues is refused, with what quorum queues have instead', () => {
  const { code, problems, hint } = failure(() =>
    refuseMirroring({ 'ha-mode': 'exactly', 'ha-params': 2, 'max-length': 5 }, { name: 'ha', pattern: '^o' }),
  );
  assert.is(code, 'BAD_DATA');
  assert.is(
    problems[0],
    'ha-mode: queues that are replicated from their start: mq admin create queue NAME --type quorum --argument x-quorum-initial-group-size=3',
  );
  assert.is(problems.length, 2);
  assert.is(hint, `and for the rest: mq admin set policy 'ha' '^o' '{"max-length":5}' --apply-to quorum_queues`);
  const five = failure(() => refuseMirroring({ 'ha-mode': 'exactly', 'ha-params': 4 }, { name: 'p', pattern: '' }));
  assert.match(five.problems[0] ?? '', /x-quorum-initial-group-size=5$/);
  for (const other of [{ 'max-length': 5 }, { 'queue-master-locator': 'min-masters' }])
    assert.is(refuseMirroring(other, { name: 'p', pattern: '' }), undefined);
});

test('a path holds names as its parts', () => {
  assert.is(apiPath`/queues/${'/'}/${'a/b?c#d%e ü'}`, '/queues/%2F/a%2Fb%3Fc%23d%25e%20%C3%BC');
  assert.is(apiPath`/queues/${'\ud800'}`, '/queues/%EF%BF%BD');
  for (const name of ['.', '..']) assert.is(failure(() => apiPath`/queues/${name}`).code, 'BAD_DATA');
  assert.is(query({ a: 1, b: undefined, c: true }), '?a=1&c=true');
  assert.is(query({ b: undefined }), '');
});

test('an address of the API has user, password and a path before /api', () => {
  const [one, two] = parseManagement('https://mq:p%40%2C@h:1/x/api/, http://[::1]', { at: 'x', login: guest });
  assert.equal(one, {
    origin: 'https://h:1',
    isSecure: true,
    hostname: 'h',
    port: 1,
    prefix: '/x',
    user: 'mq',
    password: 'p@,',
  });
  assert.equal([two?.origin, two?.hostname, two?.port, two?.user], ['http://[::1]:80', '::1', 80, 'guest']);
  assert.is(addressOf({ isSecure: false, hostname: '::1', port: 15672 }, guest).origin, 'http://[::1]:15672');
});

test("the broker's reasons are one line of text, whatever Erlang made of them", () => {
  const letters = [...'missing )'].map((letter) => letter.codePointAt(0));
  for (const [body, reason] of [
    [
      { error: 'bad_request', reason: 'Validation failed\n\n[{&lt;&lt;"a"&gt;&gt;}]\n' },
      'Validation failed [{<<"a">>}]',
    ],
    [{ error: 'bad_request', reason: ['invalid_regexp', [40], [letters, 1]] }, 'invalid_regexp ( missing ) 1'],
    [{ error: 'not_found' }, 'not_found'],
    [{ reason: { a: 1 } }, '{"a":1}'],
    [undefined, ''],
    ['text', ''],
  ] as const)
    assert.is(reasonOf(body), reason);
});

test.run();
