// Converts one checked file to the form of Config: objects with keys, one binding per key, connections as attributes.

import { MqError } from '../../errors.ts';
import { parseAddress } from '../address.ts';
import type {
  BindingConfig,
  Config,
  ConnectionConfig,
  DelayConfig,
  ExchangeConfig,
  PoliciesByVhost,
  PublicationConfig,
  QueueConfig,
  SchemaSettings,
  SubscriptionConfig,
  VhostConfig,
} from '../config.ts';
import { parseThreshold, type Threshold } from '../fields/threshold.ts';
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
import { expandRole, type OwnRetryConfig, type RetryConfig, type RoleConfig, subscriptionNames } from '../role.ts';
import { parseBindingName } from './binding.ts';

/** A configuration whose retry settings can be incomplete. */
export type PartialConfig = Omit<Config, 'retry'> & { readonly retry: Partial<RetryConfig> };

/** Normalises the parsed content of one valid file. */
export function normalise(file: Plain): PartialConfig {
  const mq = objectOf(file['mq']);
  const vhostDefaults = objectOf(objectOf(file['defaults'])['vhosts']);
  return {
    file: undefined,
    folder: undefined,
    vhosts: each(file['vhosts'], (vhost) => vhostOf(vhost, vhostDefaults)),
    publications: dictionary(membersWithVhost(file, 'publications').map(([name, one]) => [name, publicationOf(one)])),
    subscriptions: dictionary(
      membersWithVhost(file, 'subscriptions').map(([name, one]) => [name, subscriptionOf(one)]),
    ),
    roles: each(mq['roles'], roleOf),
    retry: checked<Partial<RetryConfig>>(objectOf(mq['retry'])),
    retries: dictionary(
      Object.entries(objectOf(mq['subscriptions'])).flatMap(([name, own]) => {
        const retry = objectOf(own)['retry'];
        return retry === undefined ? [] : [[name, checked<OwnRetryConfig>(retry)] as const];
      }),
    ),
    ...checked<Pick<Config, 'declare' | 'owns'>>(pick(mq, ['declare', 'owns'])),
    delays: dictionary(
      Object.entries(objectOf(mq['publications'])).flatMap(([name, own]) => {
        const { delay } = objectOf(own);
        return delay === undefined ? [] : [[name, checked<DelayConfig>(delay)] as const];
      }),
    ),
    schemas: schemasOf(mq),
    ...(mq['delay'] !== undefined && { delayName: checked<string>(mq['delay']) }),
    ...(mq['bench'] !== undefined && { bench: each(mq['bench'], thresholdsOf) }),
    policies: checked<PoliciesByVhost>(objectOf(mq['policies'])),
    operatorPolicies: checked<PoliciesByVhost>(objectOf(mq['operatorPolicies'])),
    rest: pick(file, ['defaults', 'encryption', 'redeliveries']),
  };
}

function schemasOf(mq: Plain): SchemaSettings {
  const named = (kind: string) =>
    Object.entries(objectOf(mq[kind]))
      .map(([name, own]) => [name, pick(objectOf(own), ['schema', 'onInvalid'])] as const)
      .filter(([, own]) => own['schema'] !== undefined);
  return {
    publications: dictionary(named('publications').map(([name, { schema }]) => [name, checked<string>(schema)])),
    subscriptions: checked<SchemaSettings['subscriptions']>(dictionary(named('subscriptions'))),
  };
}

/** Casts a value to a type. This is safe, because rules/shape.ts has already checked the value. */
function checked<Type>(value: unknown): Type {
  return value as Type;
}

function each<Item>(items: unknown, convert: (item: Plain) => Item): Record<string, Item> {
  return dictionary(Object.entries(objectOf(items)).map(([name, item]) => [name, convert(objectOf(item))]));
}

/** Returns the thresholds of a verb of `mq bench`. rules/shape.ts has checked them. */
function thresholdsOf(verb: Plain): Threshold[] {
  return listOf(verb['thresholds']).flatMap((text) => {
    const threshold = parseThreshold(String(text));
    return typeof threshold === 'string' ? [] : [threshold];
  });
}

/** Returns the publications or subscriptions of the file and of its vhosts, each with the name of its vhost. */
function membersWithVhost(file: Plain, kind: 'publications' | 'subscriptions'): (readonly [string, Plain])[] {
  const fallback = stringOf(objectOf(objectOf(file['defaults'])[kind])['vhost']) ?? '/';
  const scopes = [[fallback, file] as const, ...Object.entries(objectOf(file['vhosts']))];
  return scopes.flatMap(([vhost, scope]) =>
    Object.entries(objectOf(objectOf(scope)[kind])).map(([name, one]) => [name, { vhost, ...objectOf(one) }] as const),
  );
}

function vhostOf(vhost: Plain, defaults: Plain): VhostConfig {
  const { exchanges, queues, bindings, connections, connection } = vhost;
  const own = withDefaults(objectOf(vhost['defaults']), defaults);
  return {
    connections: [...listOf(connections), ...listOf(connection)].filter((one) => one !== '').map(connectionOf),
    ...checked<Pick<VhostConfig, 'namespace'>>(pick(vhost, ['namespace'])),
    exchanges: namedItems<ExchangeConfig>(exchanges),
    queues: namedItems<QueueConfig>(queues),
    bindings: membersOf(bindings).flatMap(({ name = '', value }) =>
      bindingsOf(name, withDefaults(value, objectOf(own['bindings']))),
    ),
    rest: pick(vhost, ['assert', 'check', 'concurrency', 'connectionStrategy', 'publicationChannelPools', 'defaults']),
  };
}

/** Returns the exchanges or queues by name. Omits the default exchange, because it always exists. */
function namedItems<Item>(collection: unknown): Record<string, Item> {
  const named = membersOf(collection).filter(({ name }) => name !== undefined && name !== '');
  return dictionary(
    named.map(({ name = '', value }) => [name, checked<Item>(without(value, ['name', 'fullyQualifiedName']))]),
  );
}

function bindingsOf(name: string, binding: Plain): BindingConfig[] {
  const { source, destination, keys } = parseBindingName(name);
  // Rascal drops an empty key from bindingKeys. It is kept here because it is a valid key.
  const given = checked<string[]>([...listOf(binding['bindingKeys']), ...listOf(binding['bindingKey']), ...keys]);
  const fields = pick({ source, destination, destinationType: 'queue', ...binding }, [
    'source',
    'destination',
    'destinationType',
    'qualifyBindingKeys',
    'options',
  ]);
  const bindingKeys = new Set(given.length === 0 ? ['#'] : given);
  return [...bindingKeys].map((bindingKey) => checked<BindingConfig>({ ...fields, bindingKey }));
}

/** Returns the attributes of a connection of the file. Its URL overrides its other fields. */
function connectionOf(value: unknown): ConnectionConfig {
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
  return withDefaults(address, {
    ...(own['vhost'] === '' ? without(own, ['vhost']) : own),
    ...(hostname === undefined ? {} : { hostname: String(hostname).replace(/^\[|\]$/g, '') }),
    ...(protocol === undefined ? {} : { protocol: String(protocol).replace(':', '') }),
    ...(port === undefined ? {} : { port: Number(port) }),
  });
}

function publicationOf(value: Plain): PublicationConfig {
  return checked(
    pick(value, ['vhost', 'exchange', 'queue', 'routingKey', 'confirm', 'timeout', 'options', 'encryption', 'replyTo']),
  );
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
  return checked({ ...pick(value, own), rest: without(value, [...own, ...unused]) });
}

function roleOf(role: Plain): RoleConfig {
  const { subscription, subscriptions, ...settings } = expandRole(role);
  const names = subscriptionNames({ subscription, subscriptions });
  return checked(names.length === 0 ? settings : { ...settings, subscriptions: names });
}
