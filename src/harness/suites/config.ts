// The topology of mq's own suites in the form of rascal.json. It has a vhost key of its own, so that no namespace is
// applied to it.

const vhost = 'mq-self';

const publications = {
  'self.direct': { exchange: 'self.direct' },
  'self.fanout': { exchange: 'self.fanout' },
  'self.topic': { exchange: 'self.topic' },
  'self.headers': { exchange: 'self.headers' },
  'self.first': { exchange: 'self.first' },
  'self.lost': { exchange: 'self.lost' },
  'self.quorum': { queue: 'self.quorum' },
  'self.classic': { queue: 'self.classic' },
  'self.full': { queue: 'self.full' },
  'self.short': { queue: 'self.short' },
  'self.brief': { queue: 'self.brief' },
  'self.single': { queue: 'self.single' },
  'self.limited': { queue: 'self.limited' },
} as const;

const dead = { 'x-dead-letter-exchange': 'self.dead' };
const queues: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'self.one': {},
  'self.two': {},
  'self.three': {},
  'self.quorum': { 'x-queue-type': 'quorum' },
  'self.classic': {},
  'self.full': { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
  'self.short': { ...dead, 'x-max-length': 2 },
  'self.brief': { ...dead, 'x-message-ttl': 500 },
  'self.single': { ...dead },
  'self.limited': { ...dead, 'x-queue-type': 'quorum', 'x-delivery-limit': 2 },
  'self.dead-letters': {},
};

/** Bindings by source, keys and destination. */
const bindings = {
  'self.direct[red, blue] -> self.one': {},
  'self.direct[blue] -> self.two': {},
  'self.fanout -> self.one': {},
  'self.fanout -> self.two': {},
  'self.topic[a.*.c] -> self.one': {},
  'self.topic[a.#] -> self.two': {},
  'self.topic[#] -> self.three': {},
  all: {
    source: 'self.headers',
    destination: 'self.one',
    options: { 'x-match': 'all', colour: 'red', size: 2 },
  },
  some: {
    source: 'self.headers',
    destination: 'self.two',
    options: { 'x-match': 'any', colour: 'red', size: 2 },
  },
  second: { source: 'self.first', destination: 'self.second', destinationType: 'exchange', bindingKey: '#' },
  'self.second[key] -> self.one': {},
  'self.rest -> self.three': {},
  'self.dead -> self.dead-letters': {},
};

const exchanges = {
  'self.direct': { type: 'direct' },
  'self.fanout': { type: 'fanout' },
  'self.topic': { type: 'topic' },
  'self.headers': { type: 'headers' },
  'self.first': { type: 'topic' },
  'self.second': { type: 'direct' },
  'self.lost': { type: 'direct', options: { alternateExchange: 'self.rest' } },
  'self.rest': { type: 'fanout' },
  'self.dead': { type: 'fanout' },
};

/** Configuration to merge over the user's. */
export const suitesConfig = {
  vhosts: {
    [vhost]: {
      exchanges,
      queues: Object.fromEntries(
        Object.entries(queues).map(([name, all]) => [name, { options: { durable: true, arguments: all } }]),
      ),
      bindings,
    },
  },
  publications: Object.fromEntries(Object.entries(publications).map(([name, to]) => [name, { vhost, ...to }])),
  subscriptions: Object.fromEntries(Object.keys(queues).map((queue) => [queue, { vhost, queue }])),
};
