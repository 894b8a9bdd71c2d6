// mq web: serves a page that shows and publishes messages, until a signal.

import { isIP } from 'node:net';
import manifest from '../../../package.json' with { type: 'json' };
import { isLoopback } from '../../broker/loopback.ts';
import type { Config, ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { aborted } from '../../signal.ts';
import { isClosedPipe, Printer } from '../../terminal/printer.ts';
import type { WebSettings } from '../../web/server.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { readText } from '../input/files.ts';
import { optionalManagement } from '../input/management.ts';
import { readPassword } from '../input/password.ts';
import { brokerOf, planWay, type WebBroker } from '../web-broker.ts';

const defaultPort = 15680;

export function webCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'web',
    summary: 'serve a page with live messages, topology and depths',
    usage: '',
    options: optionSets.web,
    group: 'Operation',
    examples: ['mq web', 'mq web --port 0 --json', 'MQ_WEB_PASSWORD=… mq web --host 0.0.0.0'],
    async run(context, values) {
      values.expectAtMost(0);
      const host = values.name('host') ?? '127.0.0.1';
      const password = await readPassword(context, values, 'MQ_WEB_PASSWORD');
      if (password === undefined && !isLoopback(host))
        throw new MqError(
          'USAGE',
          `refusing to listen on ${host} without a password: whoever sees the page can publish`,
          {
            at: '--host',
            hint: 'set MQ_WEB_PASSWORD, or --password-file FILE; anyone who may use the page then gives it',
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

async function run(context: Context, values: Values, { config, vhost, addresses, host, password }: Job): Promise<void> {
  const [
    { Session },
    { newCounts },
    { serveWeb },
    { openLine },
    { catalogOf },
    { assets },
    { graphOf },
    { layout },
    { depthsFrom },
    { Sender },
  ] = await Promise.all([
    import('../../session/session.ts'),
    import('../../session/counts.ts'),
    import('../../web/server.ts'),
    import('../../web/line.ts'),
    import('../../web/catalog.ts'),
    import('../../web/asset.ts'),
    import('../../topology/graph.ts'),
    import('../../topology/layout.ts'),
    import('./web/depths.ts'),
    import('../../web/sender.ts'),
  ]);
  const port = values.whole('port', { min: 0, max: 65_535 }) ?? defaultPort;
  const say = noteOf(context, 'web');
  const newSession = (role: string, tell: (text: string) => void) =>
    new Session({
      config,
      addresses,
      role,
      confirmTimeoutMs: 30_000,
      say: ({ message }) => tell(message),
      counts: newCounts(),
    });
  const broker = brokerOf(config, vhost, addresses);
  const ca = values.name('ca');
  const tls = {
    isInsecure: values.flag('insecure') === true,
    ...(ca !== undefined && { ca: await readText(context, ca) }),
  };
  const findWay = planWay(broker, values, { tls, say });
  const session = newSession('web', say);
  try {
    const management = await optionalManagement(context, values, { connections: broker.connections, say });
    const graph = graphOf(config, vhost);
    const observer = await session.observer(vhost);
    const way = await findWay();
    const openPage = () =>
      openLine(
        newSession('web page', () => undefined),
        vhost,
      );
    const sender = new Sender(() => newSession('web publish', () => undefined), vhost);
    const stomp: WebSettings['stomp'] = way.plugins.length > 0 ? { plugins: way.plugins } : { openLine: openPage };
    const server = await serveWeb({
      host,
      port,
      guard: { password, allowedHosts: [...values.list('allow-host'), ...(isIP(host) === 0 ? [host] : [])] },
      assets,
      catalog: catalogOf(config, vhost, {
        version: manifest.version,
        broker: broker.shown,
        vhost: broker.vhost,
        way: way.name,
        drawing: layout(graph),
      }),
      depths: depthsFrom({ graph, broker, management, observer }),
      // While the broker is unreachable the answer is unknown. The page has no connection then either.
      hasQueue: (queue) =>
        observer.depths([queue]).then(
          (found) => found.has(queue),
          () => true,
        ),
      hasExchange: (exchange) => observer.hasExchange(exchange).catch(() => true),
      publish: (message) => sender.send(message),
      stomp,
      say,
    });
    try {
      const line = values.flag('json')
        ? JSON.stringify({ event: 'ready', url: server.url, ...told(broker, way) })
        : `ready: ${server.url} (${broker.shown}, ${way.name})`;
      // A process that waits for this line must receive it or an error. A closed pipe means that the line was read.
      await new Printer(context.stdout).body(Buffer.from(line)).catch((error: unknown) => {
        if (!isClosedPipe(error)) throw error;
      });
      await aborted(context.drain);
    } finally {
      await server.close();
      await sender.close();
    }
  } finally {
    await session.close();
  }
}

function told(broker: WebBroker, way: { plugins: readonly { url: string }[] }) {
  return { broker: broker.shown, vhost: broker.vhost, stomp: way.plugins[0]?.url ?? 'bridge' };
}

/** Adds a vhost to a file without one. There is nothing to draw, but the broker can still be watched. */
function withVhost(config: Config): Config {
  if (Object.keys(config.vhosts).length > 0) return config;
  return { ...config, vhosts: { '/': { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} } } };
}

function vhostOf({ vhosts }: Config, values: Values): string {
  const names = Object.keys(vhosts);
  const given = values.name('vhost');
  if (given === undefined) return names.includes('/') ? '/' : (names[0] ?? '/');
  if (names.includes(given)) return given;
  throw values.usage(`rascal.json has no vhost '${given}'; there are ${names.join(', ')}`);
}
