import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectOf } from '../../../../src/config/plain.ts';
import { definedNames } from '../../../../src/config/rules/defined-names.ts';
import { checkEncryption, checkReferences } from '../../../../src/config/rules/references.ts';

/** Returns the problems of a file as `path code`. */
function problemsOf(file: object): string[] {
  const found: string[] = [];
  const content = objectOf(file);
  const names = definedNames([content, { vhosts: { '/': { exchanges: ['logs'], queues: ['hello'] } } }]);
  checkReferences({ file: content, names, report: (path, code) => found.push(`${path.join(' ')} ${code}`) });
  return found;
}

const inVhost = (vhost: object) => ({ vhosts: { '/': vhost } });

const rows: [title: string, file: object, problems: string[]][] = [
  ['names of the built-in file', inVhost({ bindings: ['logs -> hello'] }), []],
  ['a source that does not exist', inVhost({ bindings: ['e -> hello'] }), ['vhosts / bindings 0 reference']],
  ['a destination that does not exist', inVhost({ bindings: ['logs -> q'] }), ['vhosts / bindings 0 reference']],
  [
    'a destination type from the defaults of bindings',
    {
      ...inVhost({ bindings: ['logs -> hello'] }),
      defaults: { vhosts: { bindings: { destinationType: 'exchange' } } },
    },
    ['vhosts / bindings 0 reference'],
  ],
  [
    'a binding without source and destination',
    inVhost({ bindings: { b: {} } }),
    ['vhosts / bindings b missing', 'vhosts / bindings b missing'],
  ],
  [
    'the default exchange as the source of a binding',
    inVhost({ bindings: { b: { source: '', destination: 'hello' } } }),
    ['vhosts / bindings b source value'],
  ],
  ['a vhost with an empty name', { vhosts: { '': {} } }, ['vhosts  value']],
  ['a queue without a name', inVhost({ queues: [{}] }), ['vhosts / queues 0 missing']],
  ['two queues with one name', inVhost({ queues: ['q', 'q'] }), ['vhosts / queues 1 duplicate']],
  ['a name that differs from its key', inVhost({ queues: { q: { name: 'r' } } }), ['vhosts / queues q name value']],
  ['a publication without a target', { publications: { p: {} } }, ['publications p missing']],
  [
    'a publication with two targets',
    { publications: { p: { exchange: '', queue: 'hello' } } },
    ['publications p value'],
  ],
  ['an unknown exchange', { publications: { p: { exchange: 'e' } } }, ['publications p exchange reference']],
  [
    'an unknown reply queue',
    { publications: { p: { queue: 'hello', replyTo: 'r' } } },
    ['publications p replyTo reference'],
  ],
  [
    'an unknown encryption profile',
    { publications: { p: { queue: 'hello', encryption: 'k' } }, encryption: { other: {} } },
    ['publications p encryption reference'],
  ],
  ['an unknown vhost', { subscriptions: { s: { queue: 'hello', vhost: 'v' } } }, ['subscriptions s vhost reference']],
  [
    'an unknown vhost in the defaults',
    { subscriptions: { s: { queue: 'hello' } }, defaults: { subscriptions: { vhost: 'v' } } },
    ['subscriptions s reference'],
  ],
  [
    'a subscription in a vhost that names another vhost',
    { vhosts: { v: { queues: ['q'], subscriptions: { s: { queue: 'q', vhost: '/' } } } } },
    ['vhosts v subscriptions s vhost value'],
  ],
  ['a subscription without a queue', { subscriptions: { s: {} } }, ['subscriptions s missing']],
  [
    'an unknown redelivery counter',
    { subscriptions: { s: { queue: 'hello', redeliveries: { counter: 'c' } } } },
    ['subscriptions s redeliveries counter reference'],
  ],
  [
    'a defined redelivery counter',
    {
      subscriptions: { s: { queue: 'hello', redeliveries: { counter: 'c' } } },
      redeliveries: { counters: { c: {} } },
    },
    [],
  ],
  [
    'a publication that is defined twice',
    { ...inVhost({ publications: { p: { queue: 'hello' } } }), publications: { p: { queue: 'hello' } } },
    ['vhosts / publications p duplicate'],
  ],
  ['values of the wrong type', { vhosts: { '/': 5 }, publications: { p: 5 }, subscriptions: 5 }, []],
];

for (const [title, file, problems] of rows) {
  test(`checks ${title}`, () => assert.equal(problemsOf(file), problems));
}

test('reports encryption in the file, in a vhost and in the defaults', () => {
  const found: string[] = [];
  const file = {
    ...inVhost({ subscriptions: { s: { encryption: {} } } }),
    publications: { p: { encryption: 'k' } },
    defaults: { publications: { encryption: 'k' } },
  };
  checkEncryption(file, (path, code) => found.push(`${path.join(' ')} ${code}`));
  assert.equal(found.toSorted(), [
    'defaults publications encryption unsupported',
    'publications p encryption unsupported',
    'vhosts / subscriptions s encryption unsupported',
  ]);
});

test.run();
