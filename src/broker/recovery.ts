// What a store had kept becomes virtual hosts, users, exchanges, queues, bindings and messages again.

import { Arguments } from './codec/arguments.ts';
import { scanProperties } from './codec/properties.ts';
import { deathsOf } from './dead-letter.ts';
import type { ExchangeType } from './exchange.ts';
import { Message } from './message.ts';
import type { Definition, Store, StoredMessage } from './store.ts';
import type { Surroundings } from './surroundings.ts';
import type { Users } from './users.ts';
import { VirtualHost } from './vhost.ts';

interface Target {
  readonly vhosts: Map<string, VirtualHost>;
  readonly users: Users;
  readonly surroundings: Pick<Surroundings, 'clock' | 'memory' | 'store'>;
}

export function recover(recovered: Store['recovered'], target: Target): void {
  const { vhosts } = target;
  for (const kind of ['vhost', 'user', 'permission', 'exchange', 'queue', 'binding']) {
    for (const definition of recovered.definitions) if (definition.kind === kind) define(definition, target);
  }
  const queues = new Map(
    [...vhosts.values()].flatMap((vhost) => [...vhost.queues.values()]).map((queue) => [queue.key, queue]),
  );
  const messages = new Map<number, Message>();
  for (const { message: stored, queue: key, deliveryCount, expiresAt } of recovered.entries) {
    const queue = queues.get(key);
    if (queue === undefined) {
      // The broker ended between a queue's end and that of its messages.
      target.surroundings.store?.drop(key);
      continue;
    }
    const message = messages.get(stored.id) ?? messageOf(stored);
    messages.set(stored.id, message);
    queue.recover(message, { storeId: stored.id, expiresAt, deliveryCount });
  }
  recovered.definitions.length = 0;
  recovered.entries.length = 0;
}

function define({ kind, key, value }: Definition, { vhosts, users, surroundings }: Target): void {
  const fields = value as Readonly<Record<string, unknown>>;
  if (kind === 'user' || kind === 'permission') {
    users.recover(kind, fields);
    return;
  }
  if (kind === 'vhost') {
    const name = String(fields['name']);
    vhosts.set(name, new VirtualHost(name, surroundings));
    return;
  }
  const vhost = vhosts.get(String(fields['vhost']));
  if (vhost === undefined) return;
  const all = Arguments.decode(Buffer.from(String(fields['arguments']), 'base64'));
  const parts = { durable: true, autoDelete: fields['autoDelete'] === true, arguments: all };
  if (kind === 'exchange') {
    vhost.addExchange({
      ...parts,
      exchange: String(fields['exchange']),
      type: fields['type'] as ExchangeType,
      internal: fields['internal'] === true,
    });
  } else if (kind === 'queue')
    vhost.addQueue({ ...parts, queue: String(fields['queue']), exclusive: false }, undefined);
  else {
    const [source, destination] = [String(fields['source']), String(fields['destination'])];
    const isQueue = fields['isQueue'] === true;
    // The broker ended between the end of a queue or an exchange and that of its bindings.
    if (!vhost.exchanges.has(source) || !(isQueue ? vhost.queues : vhost.exchanges).has(destination)) {
      surroundings.store?.undefine(kind, key);
      return;
    }
    vhost.addBinding({ source, destination, isQueue, routingKey: String(fields['routingKey']), arguments: all });
  }
}

function messageOf({ exchange, routingKey, content, propertiesLength }: StoredMessage): Message {
  const scan = scanProperties(content, 0, propertiesLength);
  const message = new Message({
    exchange,
    routingKey,
    content,
    propertiesLength,
    persistent: scan.deliveryMode === 2,
    priority: scan.priority,
    expirationMs: scan.expiration === undefined ? undefined : Number(scan.expiration),
  });
  const deaths = deathsOf(message.properties().headers);
  return deaths === undefined ? message : new Message({ ...message, deaths });
}
