// Provides the tests of mq plan with a rascal.json, and formats the differences of its JSON document.

export const quorum = { 'x-queue-type': 'quorum' };
/** A rascal.json with exchanges, queues, bindings, and queues for failed messages. */
export const plannedFile = {
  vhosts: {
    '/': {
      exchanges: {
        orders: { type: 'topic', options: { alternateExchange: 'spill' } },
        spill: { type: 'fanout' },
        matched: { type: 'headers' },
      },
      queues: {
        bill: { options: { arguments: { ...quorum, 'x-delivery-limit': 5 } } },
        audit: { options: { messageTtl: 60_000, arguments: { 'x-team': 'a' } } },
        plain: {},
      },
      bindings: {
        'orders[order.*] -> bill': {},
        'orders[#] -> audit': {},
        header: { source: 'matched', destination: 'audit', bindingKey: 'h', options: { 'x-match': 'any', n: 1 } },
        'orders[up] -> spill': { destinationType: 'exchange' },
      },
    },
  },
  publications: { orders: { exchange: 'orders' } },
  subscriptions: { bill: { queue: 'bill' } },
  mq: { retry: { attempts: 2, delays: ['50ms'] } },
};

/** Returns `replace queue audit: x-message-ttl` for each difference of the JSON document. */
export function plannedLines(stdout: string): string[] {
  const { differences } = JSON.parse(stdout) as { differences: Record<string, unknown>[] };
  return differences.map(({ action, kind, name, source, destination, exists, attributes }) => {
    const all = exists ? (attributes as { attribute: string }[]).map(({ attribute }) => attribute) : [];
    const object = kind === 'binding' ? `${source} -> ${destination}` : name;
    return `${action} ${kind} ${object}${all.length > 0 ? `: ${all.join(', ')}` : ''}`;
  });
}
