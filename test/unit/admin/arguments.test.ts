import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Call } from '../../../src/admin/action.ts';
import { argumentsOf, tagsOf } from '../../../src/admin/arguments.ts';
import { MqError } from '../../../src/errors.ts';
import { failure } from '../../support/failure.ts';

function call(given: Partial<Call>): Call {
  return { usage: (message: string) => new MqError('USAGE', message), say: () => undefined, ...given } as Call;
}

test('converts each --argument to a number, boolean, JSON or text', () => {
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

test('refuses a misspelled tag of RabbitMQ and reports other tags', () => {
  const lines: string[] = [];
  const tags = (...rest: string[]) => tagsOf(call({ rest, say: (line) => lines.push(line) }));
  assert.equal(tags('administrator', 'monitoring,policymaker', 'management', 'impersonator', 'monitoring'), [
    'administrator',
    'monitoring',
    'policymaker',
    'management',
    'impersonator',
  ]);
  assert.equal(lines, []);
  assert.match(failure(() => tags('administrater')).message, "did you mean 'administrator'?");
  assert.equal(tags('billing'), ['billing']);
  assert.is(lines.length, 1);
});

test.run();
