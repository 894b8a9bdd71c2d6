// mq web: serves a page that shows and publishes messages, until a signal.

import { isIP } from 'node:net';
import manifest from '../../../package.json' with { type: 'json' };
import type { Management } from '../../admin/client.ts';
import { isLoopback } from '../../broker/loopback.ts';
import type { Config, ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { asMqError, MqError } from '../../errors.ts';
import type { Observer } from '../../session/observer.ts';
import type { Tapper } from '../../session/session.ts';
import { aborted } from '../../signal.ts';
import type { Sender } from '../../web/sender.ts';
import type { WebSettings } from '../../web/server.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { destinationCheck } from '../contract.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { type Broker, brokerOf } from '../input/broker.ts';
import { factsOf } from '../input/exchange-facts.ts';
import { optionalManagement } from '../input/management.ts';
import { readPassword } from '../input/password.ts';
import { printReady } from '../ready-line.ts';
import { planStompRoute, type StompRoute } from './web/stomp-route.ts';

const defaultPort = 15680;

export function webCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'web',
    summary: 'serve a page with live messages, topology and depths',
    usage: '',
    options: optionSets.web,
    group: 'Operation',
    topic: 'web',
    examples: ['mq web', 'mq web --port 0 --json', 'MQ_WEB_PASSWORD=… mq web --host 0.0.0.0'],
    async run(context, values) {
      values.expectAtMost(0);
      const host = values.name('host') ?? '127.0.0.1';
      const password = await readPassword(context, values, 'MQ_WEB_PASSWORD');
      if (password === undefined && !isLoopback(host))
        throw new MqError(
          'USAGE',
          `refusing to listen on ${host} without a password: every visitor of the page could publish`,
          {
            at: '--host',
            hint: 'set MQ_WEB_PASSWORD, or use --password-file FILE; the page then requires the password',
          },
        );
      const config = withVhost(await configOf(context));
      const vhost = vhostOf(config, values);
      const addresses = await addressesOf(context, values);
      await run(context, values, { config, vhost, addresses, host, password });
    },
  };
}

interface Job {
  readonly config: Config;
  /** Name of the vhost in rascal.json. */
  readonly vhost: string;
  readonly addresses: ConnectionConfig[] | undefined;
  readonly host: string;
  readonly password: string | undefined;
}

async function run(context: Context, values: Values, job: Job): Promise<void> {
  const { config, vhost, addresses } = job;
  const port = values.whole('port', { min: 0, max: 65_535 }) ?? defaultPort;
  const say = noteOf(context, 'web');
  const broker = brokerOf(config, vhost, addresses);
  const findRoute = planStompRoute(broker, values, { say });
  const [{ serveWeb }, { Sender }, sessions] = await Promise.all([
    import('../../web/server.ts'),
    import('../../web/sender.ts'),
    sessionsOf(job),
  ]);
  const session = sessions.open('web', say, context);
  const sender = new Sender(() => sessions.open('web publish', () => undefined), vhost);
  try {
    const management = await optionalManagement(context, values, { connections: broker.connections, say });
    const observer = await session.observer(vhost);
    const route = await findRoute();
    const server = await serveWeb({
      ...(await contentOf({ job, broker, route, management, observer, tapper: () => session.tapper(vhost) })),
      host: job.host,
      port,
      guard: guardOf(job, values),
      publish: await checkedPublish(job, sender),
      stomp:
        route.plugins.length > 0
          ? { plugins: route.plugins }
          : { openClient: () => sessions.openAmqpClient('web page', vhost) },
      say,
    });
    try {
      await announce(context, values, { url: server.url, broker, route });
      await aborted(context.drain);
    } finally {
      await server.close();
      await sender.close();
    }
  } finally {
    await session.close();
  }
}

/** Returns a function that sends messages of the page, and refuses those that do not match the schemas of their places. */
async function checkedPublish({ config, vhost }: Job, sender: Sender): Promise<WebSettings['publish']> {
  const check = await destinationCheck(config, vhost);
  return async (message) => {
    await check?.turn.next();
    const error = check?.errorOf({ ...message, body: Buffer.from(message.text) });
    return error ? { outcome: 'refused', message: error.message } : sender.send(message);
  };
}

function guardOf({ password, host }: Job, values: Values): WebSettings['guard'] {
  return { password, allowedHosts: [...values.list('allow-host'), ...(isIP(host) === 0 ? [host] : [])] };
}

/** Returns functions that open sessions to the broker. */
async function sessionsOf({ config, addresses }: Job) {
  const [{ Session }, { newCounts }, { openAmqpClient }] = await Promise.all([
    import('../../session/session.ts'),
    import('../../session/counts.ts'),
    import('../../web/amqp-client.ts'),
  ]);
  const open = (role: string, say: (text: string) => void, signals?: Context) =>
    new Session({
      config,
      addresses,
      role,
      confirmTimeoutMs: 30_000,
      say: ({ message }) => say(message),
      counts: newCounts(),
      signals,
    });
  return {
    open,
    openAmqpClient: (role: string, vhost: string) =>
      openAmqpClient(
        open(role, () => undefined),
        vhost,
      ),
  };
}

interface Content {
  readonly job: Job;
  readonly broker: Broker;
  readonly route: StompRoute;
  readonly management: Management | undefined;
  readonly observer: Observer;
  readonly tapper: () => Promise<Tapper>;
}

/** Returns the content of the page: its files, the catalog, and functions that read the state of the broker. */
async function contentOf({ job: { config, vhost }, broker, route, management, observer, tapper }: Content) {
  const [{ catalogOf }, { assets }, { graphOf }, { layout }, { depthsFrom }] = await Promise.all([
    import('../../web/catalog.ts'),
    import('../../web/asset.ts'),
    import('../../topology/graph.ts'),
    import('../../topology/layout.ts'),
    import('./web/depths.ts'),
  ]);
  const graph = graphOf(config, vhost);
  return {
    assets,
    catalog: catalogOf(config, vhost, {
      version: manifest.version,
      broker: broker.shown,
      vhost: broker.vhost,
      route: route.name,
      drawing: layout(graph),
    }),
    depths: depthsFrom({ graph, vhost: broker.vhost, management, observer }),
    // If the broker does not answer, mq assumes that the queue and the exchange exist. This does no harm, because the
    // page cannot reach the broker then either.
    hasQueue: (queue: string) =>
      observer.depths([queue]).then(
        (found) => found.has(queue),
        () => true,
      ),
    hasExchange: (exchange: string) => observer.hasExchange(exchange).catch(() => true),
    effects: effectsFrom({ api: management, vhost: broker.vhost, tapper }),
  };
}

interface EffectSources {
  readonly api: Management | undefined;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly tapper: () => Promise<Tapper>;
}

/** Returns a function that reads the effects of watching an exchange. It never rejects. */
function effectsFrom({ api, vhost, tapper }: EffectSources): WebSettings['effects'] {
  let opening: Promise<Tapper> | undefined;
  const probe = async (exchange: string) => {
    opening ??= tapper();
    opening.catch(() => {
      opening = undefined;
    });
    return (await opening).facts(exchange);
  };
  return async (exchange, key) => {
    const { tapVerdict } = await import('../../session/tap.ts');
    try {
      const { refusal, warnings } = tapVerdict(await factsOf(exchange, { api, vhost, probe }), [key]);
      return refusal === undefined ? { warnings } : { refusal, warnings };
    } catch (error) {
      return { warnings: [`mq could not check the exchange '${exchange}': ${asMqError(error).message}`] };
    }
  };
}

/** Prints the address of the page on stdout. */
async function announce(
  { stdout }: Context,
  values: Values,
  { url, broker: { shown, vhost }, route }: { url: string; broker: Broker; route: StompRoute },
): Promise<void> {
  const line = values.flag('json')
    ? JSON.stringify({ event: 'ready', url, broker: shown, vhost, stomp: route.plugins[0]?.url ?? 'bridge' })
    : `ready: ${url} (${shown}, ${route.name})`;
  await printReady(stdout, line);
}

/** Adds the vhost / to a configuration without vhosts. The page then draws no topology but still shows messages. */
function withVhost(config: Config): Config {
  if (Object.keys(config.vhosts).length > 0) return config;
  return { ...config, vhosts: { '/': { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} } } };
}

function vhostOf({ vhosts }: Config, values: Values): string {
  const names = Object.keys(vhosts);
  const typed = values.name('vhost');
  if (typed === undefined) return names.includes('/') ? '/' : (names[0] ?? '/');
  if (names.includes(typed)) return typed;
  throw values.usage(`rascal.json has no vhost '${typed}'; its vhosts are ${names.join(', ')}`);
}
