import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { QueueConfig, VhostConfig } from '../../../../src/config/config.ts';
import { neededTopology } from '../../../../src/config/reading/needed-topology.ts';

/** Builds a vhost from names and bindings. A binding is written `source -> queue` or `source => exchange`. */
function vhostOf(parts: {
  exchanges?: string[];
  alternate?: Record<string, string>;
  queues?: Record<string, QueueConfig['options']>;
  bindings?: string[];
}): VhostConfig {
  const { exchanges = [], alternate = {}, queues = {}, bindings = [] } = parts;
  return {
    connections: [],
    exchanges: Object.fromEntries(
      exchanges.map((name) => [name, alternate[name] ? { options: { alternateExchange: alternate[name] } } : {}]),
    ),
    queues: Object.fromEntries(Object.entries(queues).map(([name, options = {}]) => [name, { options }])),
    bindings: bindings.map((text) => {
      const [source = '', arrow, destination = ''] = text.split(' ');
      return { source, destination, destinationType: arrow === '=>' ? 'exchange' : 'queue', bindingKey: '#' };
    }),
    rest: {},
  };
}

const rows: [title: string, vhost: VhostConfig, starts: object, needed: string[]][] = [
  [
    'a published exchange and the queues that it routes to',
    vhostOf({ exchanges: ['e', 'other'], queues: { q: {}, r: {} }, bindings: ['e -> q', 'other -> r'] }),
    { exchanges: ['e'] },
    ['e', 'q', 'e q'],
  ],
  [
    'exchanges that are bound to an exchange, also in a cycle',
    vhostOf({ exchanges: ['e', 'f'], queues: { q: {} }, bindings: ['e => f', 'f => e', 'f -> q'] }),
    { exchanges: ['e'] },
    ['e', 'f', 'q', 'e f', 'f e', 'f q'],
  ],
  [
    'an alternate exchange',
    vhostOf({ exchanges: ['e', 'lost'], alternate: { e: 'lost' }, queues: { q: {} }, bindings: ['lost -> q'] }),
    { exchanges: ['e'] },
    ['e', 'lost', 'q', 'lost q'],
  ],
  [
    'a published queue without its bindings',
    vhostOf({ exchanges: ['e'], queues: { q: {} }, bindings: ['e -> q'] }),
    { queues: ['q'] },
    ['q'],
  ],
  [
    'a consumed queue and the exchanges that route to it',
    vhostOf({ exchanges: ['e', 'f'], queues: { q: {}, r: {} }, bindings: ['f => e', 'e -> q', 'e -> r'] }),
    { consumed: ['q'] },
    ['e', 'f', 'q', 'f e', 'e q'],
  ],
  [
    'the dead-letter queue of a queue',
    vhostOf({ queues: { q: { deadLetterExchange: '', deadLetterRoutingKey: 'dead' }, dead: {} } }),
    { queues: ['q'] },
    ['dead', 'q'],
  ],
  [
    'the dead-letter exchange of a queue, by its AMQP argument',
    vhostOf({
      exchanges: ['dlx'],
      queues: { q: { arguments: { 'x-dead-letter-exchange': 'dlx' } }, dead: {} },
      bindings: ['dlx -> dead'],
    }),
    { consumed: ['q'] },
    ['dlx', 'dead', 'q', 'dlx dead'],
  ],
  [
    'no private queue of another connection',
    vhostOf({ exchanges: ['e'], queues: { mine: { exclusive: true }, q: {} }, bindings: ['e -> mine', 'e -> q'] }),
    { exchanges: ['e'] },
    ['e', 'q', 'e q'],
  ],
  [
    'a private queue that is consumed',
    vhostOf({ exchanges: ['e'], queues: { mine: { exclusive: true } }, bindings: ['e -> mine'] }),
    { consumed: ['mine'] },
    ['e', 'mine', 'e mine'],
  ],
  ['nothing for names that the vhost does not define', vhostOf({}), { exchanges: ['e'], queues: ['q'] }, []],
];

for (const [title, vhost, starts, expected] of rows) {
  test(`needs ${title}`, () => {
    const needed = neededTopology(vhost, { exchanges: [], queues: [], consumed: [], ...starts });
    const bindings = [...needed.bindings].map(({ source, destination }) => `${source} ${destination}`);
    assert.equal([...needed.exchanges, ...needed.queues, ...bindings].toSorted(), expected.toSorted());
  });
}

test.run();
