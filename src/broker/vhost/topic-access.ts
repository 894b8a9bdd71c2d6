// Permissions for the routing keys of topic exchanges (https://www.rabbitmq.com/docs/access-control#topic-authorisation).
// A user without a permission for an exchange may use all of its routing keys.

import { patternTest } from '../patterns.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Exchange } from '../routing/exchange.ts';

export interface TopicPatterns {
  readonly write: string;
  readonly read: string;
}

export interface TopicPermission {
  readonly patterns: TopicPatterns;
  readonly tests: Readonly<Record<keyof TopicPatterns, (routingKey: string) => boolean>>;
}

/** The part of a user that holds topic permissions. */
interface TopicUser {
  readonly name: string;
  /** Virtual host → topic exchange → permission. */
  readonly topics: ReadonlyMap<string, ReadonlyMap<string, TopicPermission>>;
}

/**
 * Compiles the patterns. `{username}` and `{vhost}` in a pattern are replaced by the names. Throws a SyntaxError if a pattern
 * is invalid.
 */
export function topicPermission(patterns: TopicPatterns, names: { username: string; vhost: string }): TopicPermission {
  const test = (pattern: string) => {
    const expanded = pattern.replaceAll(/\{(username|vhost)\}/g, (_, name: keyof typeof names) => escaped(names[name]));
    return patternTest(expanded === '' ? '^$' : expanded);
  };
  return { patterns, tests: { write: test(patterns.write), read: test(patterns.read) } };
}

/** Throws 403 with RabbitMQ's text if the user may not use the routing key. */
export function assertTopicAccess(
  user: TopicUser,
  access: keyof TopicPatterns,
  { exchange, routingKey }: { exchange: Exchange | undefined; routingKey: string },
): void {
  if (exchange?.type !== 'topic' || user.topics.size === 0) return;
  const { name, vhost } = exchange;
  if (user.topics.get(vhost)?.get(name)?.tests[access](routingKey) !== false) return;
  throw new ProtocolError(
    'ACCESS_REFUSED',
    `${access} access to topic '${routingKey}' in exchange '${name}' in vhost '${vhost}' refused for user '${user.name}'`,
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
