// Converts one checked file to the form of Config: objects with keys, one binding per key, connections as attributes.
// shape.ts has checked all types, so they are asserted here and not tested again.

import { MqError } from '../../errors.ts';
import { parseAddress } from '../address.ts';
import type {
  BindingConfig,
  Config,
  ConnectionConfig,
  ExchangeConfig,
  PublicationConfig,
  QueueConfig,
  SubscriptionConfig,
  VhostConfig,
} from '../config.ts';
import {
  dictionary,
  listOf,
  membersOf,
  objectOf,
  type Plain,
  pick,
  stringOf,
  withDefaults,
  without,
} from '../plain.ts';
import { expandRole, type OwnRetryConfig, type RetryConfig, type RoleConfig } from '../role.ts';
import { parseBindingName } from './binding.ts';

/** A configuration whose retry settings can be incomplete. */
export type PartialConfig = Omit<Config, 'retry'> & { readonly retry: Partial<RetryConfig> };

/** Normalises the parsed content of one valid file. */
export function normalise(file: Plain): PartialConfig {
  const defaults = objectOf(file['defaults']);
  const vhosts = Object.entries(objectOf(file['vhosts'])).map(([name, vhost]) => [name, objectOf(vhost)] as const);
  const mq = objectOf(file['mq']);
  const scopes = [[undefined, file] as const, ...vhosts];
  const members = (kind: 'publications' | 'subscriptions') =>
    scopes.flatMap(([vhost, scope]) => {
      const fallback = vhost ?? stringOf(objectOf(defaults[kind])['vhost']) ?? '/';
      return Object.entries(objectOf(scope[kind])).map(
        ([name, value]) => [name, { vhost: fallback, ...objectOf(value) }] as const,
      );
    });
  return {
    file: undefined,
    folder: undefined,
    vhosts: dictionary(vhosts.map(([name, vhost]) => [name, vhostOf(vhost, objectOf(defaults['vhosts']))])),
    publications: dictionary(members('publications').map(([name, value]) => [name, publicationOf(value)])),
    subscriptions: dictionary(members('subscriptions').map(([name, value]) => [name, subscriptionOf(value)])),
    roles: dictionary(Object.entries(objectOf(mq['roles'])).map(([name, role]) => [name, roleOf(objectOf(role))])),
    retry: objectOf(mq['retry']) as Partial<RetryConfig>,
    retries: dictionary(
      Object.entries(objectOf(mq['subscriptions'])).flatMap(([name, own]) => {
        const retry = objectOf(own)['retry'];
        return retry === undefined ? [] : [[name, retry as OwnRetryConfig] as const];
      }),
    ),
    rest: pick(file, ['defaults', 'encryption', 'redeliveries']),
  };
}

function vhostOf(vhost: Plain, defaults: Plain): VhostConfig {
  const { namespace, exchanges, queues, bindings, connections, connection } = vhost;
  const own = withDefaults(objectOf(vhost['defaults']), defaults);
  const named = <Item>(collection: unknown) =>
    membersOf(collection)
      .filter(({ name }) => name !== undefined && name !== '')
      .map(({ name = '', value }) => [name, without(value, ['name', 'fullyQualifiedName']) as Item] as const);
  return {
    connections: [...listOf(connections), ...listOf(connection)].filter((one) => one !== '').map(connectionOf),
    ...(namespace === undefined ? {} : { namespace: namespace as string | boolean }),
    // The default exchange always exists, so it is not listed.
    exchanges: dictionary(named<ExchangeConfig>(exchanges)),
    queues: dictionary(named<QueueConfig>(queues)),
    bindings: membersOf(bindings).flatMap(({ name = '', value }) => {
      return bindingsOf(name, withDefaults(value, objectOf(own['bindings'])));
    }),
    rest: pick(vhost, ['assert', 'check', 'concurrency', 'connectionStrategy', 'publicationChannelPools', 'defaults']),
  };
}

function bindingsOf(name: string, binding: Plain): BindingConfig[] {
  const { source, destination, keys } = parseBindingName(name);
  // Rascal drops an empty key from bindingKeys. It is kept here because it is a valid key.
  const given = [...listOf(binding['bindingKeys']), ...listOf(binding['bindingKey']), ...keys] as string[];
  return [...new Set(given.length === 0 ? ['#'] : given)].map((bindingKey) => ({
    ...(pick({ source, destination, destinationType: 'queue', ...binding }, [
      'source',
      'destination',
      'destinationType',
      'qualifyBindingKeys',
      'options',
    ]) as unknown as Omit<BindingConfig, 'bindingKey'>),
    bindingKey,
  }));
}

/** Returns the attributes of a connection of the file. Its URL overrides its other fields. */
export function connectionOf(value: unknown): ConnectionConfig {
  const fields = typeof value === 'string' ? { url: value } : objectOf(value);
  const url = stringOf(fields['url']) ?? '';
  const address = url === '' ? {} : parseAddress(url);
  if (typeof address === 'string') throw new MqError('BUG', `an address was not checked: ${address}`);
  const own = pick(fields, [
    'hostname',
    'user',
    'password',
    'vhost',
    'options',
    'socketOptions',
    'retry',
    'management',
  ]);
  const { protocol, port, hostname } = fields;
  return withDefaults(address as Plain, {
    ...(own['vhost'] === '' ? without(own, ['vhost']) : own),
    ...(hostname === undefined ? {} : { hostname: String(hostname).replace(/^\[|\]$/g, '') }),
    ...(protocol === undefined ? {} : { protocol: String(protocol).replace(':', '') }),
    ...(port === undefined ? {} : { port: Number(port) }),
  }) as ConnectionConfig;
}

function publicationOf(value: Plain): PublicationConfig {
  return pick(value, [
    'vhost',
    'exchange',
    'queue',
    'routingKey',
    'confirm',
    'timeout',
    'options',
    'encryption',
    'replyTo',
  ]) as unknown as PublicationConfig;
}

function subscriptionOf(value: Plain): SubscriptionConfig {
  const own = ['vhost', 'queue', 'prefetch', 'options'];
  const unused = [
    'name',
    'source',
    'autoCreated',
    'deprecated',
    'recovery',
    'workflow',
    'workflows',
    'handler',
    'handlers',
  ];
  return { ...pick(value, own), rest: without(value, [...own, ...unused]) } as unknown as SubscriptionConfig;
}

function roleOf(role: Plain): RoleConfig {
  return expandRole(role) as unknown as RoleConfig;
}
