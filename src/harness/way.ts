// Describes the route of a published message through the broker's topology, to show where it went.

import type { HeldBinding, Holdings, Published } from './target.ts';

/** Returns lines about where the message was published, which bindings matched, and which queues received it. */
export function wayOf(sent: Published, holdings: Holdings | undefined): string[] {
  const { exchange, routingKey } = sent;
  const where = exchange === '' ? 'the default exchange' : `the exchange "${exchange}"`;
  const first = `published to ${where} with the key "${routingKey}"`;
  if (holdings === undefined) return [`${first}; nothing tells where it went: there is no management API`];
  if (exchange === '') {
    const isThere = holdings.queues.some(({ name }) => name === routingKey);
    return [first, isThere ? landed(routingKey, holdings) : `  there is no queue "${routingKey}"`];
  }
  const { bindings, queues } = follow(sent, holdings);
  if (bindings.length === 0) {
    const all = holdings.bindings.filter(({ source }) => source === exchange);
    const known = all.map((one) => `"${one.key}" → ${one.destination}`);
    return [first, `  no binding matched; there are ${known.length === 0 ? 'none' : known.join(', ')}`];
  }
  return [
    first,
    ...bindings.map((one) => `  matched "${one.key}": ${one.source} → ${one.destinationType} ${one.destination}`),
    ...queues.map((queue) => landed(queue, holdings)),
  ];
}

function landed(queue: string, { queues }: Holdings): string {
  const now = queues.find(({ name }) => name === queue);
  // RabbitMQ's management API updates numbers only every five seconds, so 0 is not reliable.
  const isKnown = now !== undefined && now.ready + now.unacked > 0;
  return `  landed in the queue "${queue}"${isKnown ? ` (now ${now.ready} ready, ${now.unacked} unacknowledged)` : ''}`;
}

/** Follows the bindings. Each exchange is visited once, because bindings may form a cycle. */
function follow({ exchange, routingKey, headers }: Published, { exchanges, bindings }: Holdings) {
  const matched: HeldBinding[] = [];
  const queues = new Set<string>();
  const passed = new Set([exchange]);
  for (const name of passed) {
    const { type = 'direct', alternate } = exchanges.find((one) => one.name === name) ?? {};
    const from = bindings.filter((one) => one.source === name && isMatch(type, one, { routingKey, headers }));
    matched.push(...from);
    for (const { destination, destinationType } of from) {
      (destinationType === 'queue' ? queues : passed).add(destination);
    }
    if (from.length === 0 && alternate !== undefined) passed.add(alternate);
  }
  return { bindings: matched, queues: [...queues] };
}

function isMatch(
  type: string,
  binding: HeldBinding,
  { routingKey, headers }: Pick<Published, 'routingKey' | 'headers'>,
) {
  if (type === 'fanout') return true;
  if (type === 'topic') return topicMatches(binding.key.split('.'), routingKey.split('.'));
  if (type === 'headers') {
    const { 'x-match': mode, ...all } = binding.arguments;
    const pairs = Object.entries(all).filter(([name]) => !name.startsWith('x-') || String(mode).endsWith('-with-x'));
    const found = pairs.filter(([name, value]) => (value === null ? name in headers : headers[name] === value));
    return String(mode).startsWith('any') ? found.length > 0 : found.length === pairs.length;
  }
  return binding.key === routingKey;
}

/** Matches a topic. AMQP 0-9-1, 3.1.3.3: `*` is one word, `#` any number of words. */
function topicMatches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first !== '#') {
    return words.length > 0 && (first === '*' || first === words[0]) && topicMatches(rest, words.slice(1));
  }
  return topicMatches(rest, words) || (words.length > 0 && topicMatches(pattern, words.slice(1)));
}
