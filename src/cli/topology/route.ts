// mq route: shows which queues a message would reach, and sends no message.

import { type Config, namePrefix } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { MqError, safeJson } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import { widthOf } from '../../terminal/wrap.ts';
import type { Topology } from '../../topology/topology.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Candidate, Command, KnownNames } from '../command.ts';
import { addressesOf } from '../input/addresses.ts';
import { liveTopologyOf } from '../input/live-topology.ts';
import { headersOf } from '../input/properties.ts';
import type { RouteDocument } from './route/route-document.ts';
import { textOf } from './route/text.ts';

export function routeCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'route',
    summary: 'show which queues a message would reach',
    usage: 'PUBLICATION | EXCHANGE KEY',
    options: optionSets.route,
    group: 'Configuration',
    topic: 'graph',
    examples: [
      'mq route orders',
      'mq route orders order.created',
      "mq route matched '' --header kind=pdf --header pages:=3",
      "mq route '' bill --live",
    ],
    completes,
    async run(context, values) {
      const config = await configOf(context);
      const document = await routeOf(context, values, config);
      if (values.flag('json')) context.stdout.write(`${safeJson(document)}\n`);
      else context.stdout.write(textOf(document, widthOf(context.stdout)));
      if (document.queues.length > 0) return 0;
      throw new MqError('UNROUTABLE', `no queue would receive the message to exchange '${document.exchange}'`);
    },
  };
}

async function completes(words: readonly string[], { publications, exchanges }: KnownNames): Promise<Candidate[]> {
  return words.length > 0 ? [] : [...new Set([...publications, ...exchanges])].map((name) => [name]);
}

/** The exchange and the message of the arguments. */
interface Subject {
  /** Name of the vhost in rascal.json. */
  readonly name: string;
  /** Name on the broker. */
  readonly exchange: string;
  readonly key: string;
  /** Options of the publication. */
  readonly options: Readonly<Record<string, unknown>>;
}

async function routeOf(context: Context, values: Values, config: Config): Promise<RouteDocument> {
  const { wantedTopology } = await import('../../topology/wanted.ts');
  const { name, exchange, key, options } = await subjectOf(values, config);
  const { shown, vhost, topology } = values.flag('live')
    ? await liveTopologyOf(context, values, { config, addresses: await addressesOf(context, values), name })
    : {
        shown: config.file ?? 'the built-in rascal.json',
        vhost: name,
        topology: wantedTopology(config, name, { withPrivate: true }),
      };
  assertPublishable(topology, { exchange, shown, vhost });
  const [{ router }, { outgoing }, { propertyBytes }] = await Promise.all([
    import('../../topology/route.ts'),
    import('../../roles/outgoing.ts'),
    import('../../session/wire.ts'),
  ]);
  const messageOf = outgoing({
    destination: { vhost, exchange, routingKey: key, options },
    nextId: () => '',
    routingKey: undefined,
    properties: { headers: headersOf(values) },
    persistent: undefined,
    mandatory: true,
  });
  const properties = propertyBytes(messageOf(Buffer.alloc(0)).properties);
  return {
    vhost,
    against: shown,
    exchange,
    key,
    ...router(topology, { matchesPolicies: !values.flag('live') })({ exchange, key, properties }),
  };
}

/** Throws USAGE for wrong arguments. */
async function subjectOf(values: Values, config: Config): Promise<Subject> {
  values.expectAtMost(2);
  const [first, key] = values.args;
  if (first === undefined) throw values.usage('give a publication, or an exchange and a routing key');
  const bytes = Buffer.byteLength(key ?? '');
  if (bytes > 255) throw values.usage(`the routing key has ${bytes} bytes; AMQP allows 255`);
  return key === undefined ? publicationOf(values, config, first) : exchangeOf(values, config, { given: first, key });
}

async function publicationOf(values: Values, config: Config, name: string): Promise<Subject> {
  const { queueName } = await import('../../topology/wanted.ts');
  const all = config.publications;
  const publication = Object.hasOwn(all, name) ? all[name] : undefined;
  if (publication === undefined) {
    const isExchange =
      name === '' || Object.values(config.vhosts).some(({ exchanges }) => Object.hasOwn(exchanges, name));
    const near = nearest(name, Object.keys(all));
    const text = `there is no publication '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`;
    throw values.usage(
      isExchange ? `a message to the exchange '${name}' needs a routing key` : text,
      `mq route '${name}' KEY, for a message to the exchange '${name}'`,
    );
  }
  const { vhost: own, exchange, queue = '', routingKey = '', options = {} } = publication;
  if (values.name('vhost') !== undefined && values.name('vhost') !== own)
    throw values.usage(`the publication '${name}' is in the vhost '${own}'`);
  const vhost = config.vhosts[own];
  const target =
    exchange === undefined
      ? { exchange: '', key: vhost === undefined ? queue : queueName(vhost, queue) }
      : { exchange: namePrefix(vhost) + exchange, key: routingKey };
  return { name: own, ...target, options };
}

/** Finds the vhost of an exchange by its name in rascal.json or on the broker. */
function exchangeOf(values: Values, { vhosts, file }: Config, { given, key }: { given: string; key: string }): Subject {
  const typed = values.name('vhost');
  const subject = (name: string) => {
    const isShort = given !== '' && vhosts[name]?.exchanges[given] !== undefined;
    return { name, exchange: isShort ? namePrefix(vhosts[name]) + given : given, key, options: {} };
  };
  if (typed !== undefined) {
    if (values.flag('live') || Object.hasOwn(vhosts, typed)) return subject(typed);
    throw values.usage(
      `${file ?? 'the built-in rascal.json'} has no vhost '${typed}'; its vhosts are ${Object.keys(vhosts).join(', ')}`,
    );
  }
  const names = Object.keys(vhosts);
  const owners = names.filter((name) => {
    const prefix = namePrefix(vhosts[name]);
    return Object.keys(vhosts[name]?.exchanges ?? {}).some((one) => one === given || prefix + one === given);
  });
  const [only, ...others] = owners.length > 0 ? owners : names;
  if (others.length === 0) return subject(only ?? '/');
  throw values.usage(
    owners.length > 0
      ? `several vhosts have an exchange '${given}': ${owners.join(', ')}`
      : `rascal.json has several vhosts: ${names.join(', ')}`,
    'select one with --vhost',
  );
}

/** Throws for an exchange to which RabbitMQ accepts no message. */
function assertPublishable(
  { exchanges }: Topology,
  { exchange: name, shown, vhost }: { exchange: string; shown: string; vhost: string },
): void {
  if (name === '' || /^amq\.(direct|fanout|topic|headers|match)$/.test(name)) return;
  const exchange = exchanges.find((one) => one.name === name);
  if (exchange === undefined) {
    const near = nearest(
      name,
      exchanges.map((one) => one.name),
    );
    throw new MqError('TOPOLOGY', `there is no exchange '${name}' in the vhost '${vhost}' of ${shown}`, {
      ...(near !== undefined && { hint: `did you mean '${near}'?` }),
    });
  }
  if (exchange.internal)
    throw new MqError('NOT_PERMITTED', `RabbitMQ refuses a publish to the internal exchange '${name}' (403)`, {
      hint: 'only other exchanges route messages to it',
    });
}
