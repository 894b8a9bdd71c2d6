// mq graph: draws the topology of rascal.json or of a broker.

import { type Config, namePrefix } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { safeJson } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import { widthOf } from '../../terminal/wrap.ts';
import type { Graph } from '../../topology/graph.ts';
import { graphFormats } from '../arguments/command-options.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { liveTopologyOf } from '../input/live-topology.ts';
import type { DrawnVhost } from './graph/drawn-vhost.ts';

export function graphCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'graph',
    summary: 'draw exchanges, bindings and queues',
    usage: '',
    options: optionSets.graph,
    group: 'Configuration',
    topic: 'graph',
    examples: [
      'mq graph',
      'mq graph --format svg > topology.svg',
      'mq graph --live --focus orders --depth 2',
      'mq graph --format mermaid --vhost shop',
      'mq graph --format asyncapi > asyncapi.json',
    ],
    async run(context, values) {
      values.expectAtMost(0);
      const format = values.flag('json') ? 'json' : (values.choice('format', graphFormats) ?? 'text');
      if (values.flag('json') && values.name('format') !== undefined)
        throw values.usage('--json and --format exclude each other');
      const depth = values.whole('depth', { min: 0, max: 100 });
      if (depth !== undefined && values.text('focus') === undefined) throw values.usage('--depth needs --focus');
      const config = await configOf(context);
      if (format === 'asyncapi') {
        context.stdout.write(await asyncapi(values, config));
        return;
      }
      const vhosts = await focused(values, await vhostsOf(context, values, config), depth ?? 1);
      if (vhosts.length === 0) noteOf(context, 'graph')(`${config.file ?? 'the built-in rascal.json'} has no vhost`);
      context.stdout.write(await formatted(values, vhosts, { format, width: widthOf(context.stdout) }));
    },
  };
}

/** Writes what rascal.json sends and receives. The document has no other objects, so there is nothing to select or join. */
async function asyncapi(values: Values, config: Config): Promise<string> {
  const drawing = ['live', 'focus', 'collapse'].find((name) => values.given.includes(name));
  if (drawing !== undefined) throw values.usage(`--${drawing} and --format asyncapi exclude each other`);
  const [{ schemaTrees }, { asyncapiOf }] = await Promise.all([
    import('../../contracts/trees.ts'),
    import('./graph/asyncapi.ts'),
  ]);
  return asyncapiOf(config, namedVhosts(values, config), await schemaTrees(config));
}

/** Returns the vhost of --vhost, otherwise all vhosts. Throws USAGE if rascal.json does not have it. */
function namedVhosts(values: Values, config: Config): readonly string[] {
  const typed = values.name('vhost');
  const names = Object.keys(config.vhosts);
  if (typed === undefined) return names;
  if (names.includes(typed)) return [typed];
  const against = config.file ?? 'the built-in rascal.json';
  throw values.usage(`${against} has no vhost '${typed}'; its vhosts are ${names.join(', ') || 'none'}`);
}

async function vhostsOf(context: Context, values: Values, config: Config): Promise<DrawnVhost[]> {
  const { graphOf } = await import('../../topology/graph.ts');
  const typed = values.name('vhost');
  const names = Object.keys(config.vhosts);
  if (!values.flag('live')) {
    const against = config.file ?? 'the built-in rascal.json';
    return namedVhosts(values, config).map((vhost) => ({ vhost, against, graph: graphOf(config, vhost) }));
  }
  const addresses = await addressesOf(context, values);
  const drawn: DrawnVhost[] = [];
  for (const name of typed === undefined ? names : [typed]) {
    const { liveGraph } = await import('../../topology/live-graph.ts');
    const { shown, vhost, topology } = await liveTopologyOf(context, values, {
      config,
      addresses,
      name,
      withRates: true,
    });
    const hidden = await hiddenQueues(config, name);
    drawn.push({ vhost, against: shown, graph: liveGraph(graphOf(config, name), topology, hidden) });
  }
  return drawn;
}

/** Returns the queues in which failed messages wait for the next attempt. The graph of rascal.json does not contain them. */
async function hiddenQueues(config: Config, name: string): Promise<ReadonlySet<string>> {
  const { madeQueues } = await import('../../config/retry-queues.ts');
  const prefix = namePrefix(config.vhosts[name]);
  return new Set(madeQueues(config).flatMap((one) => (one.vhost === name ? [prefix + one.name] : [])));
}

/** Applies --focus. Throws USAGE if no vhost has the name. */
async function focused(values: Values, vhosts: readonly DrawnVhost[], depth: number): Promise<DrawnVhost[]> {
  const name = values.text('focus');
  if (name === undefined) return [...vhosts];
  const { focusedGraph } = await import('../../topology/smaller-graph.ts');
  const found = vhosts.flatMap((one): DrawnVhost[] => {
    const graph = focusedGraph(one.graph, name, depth);
    return graph === undefined ? [] : [{ ...one, graph }];
  });
  if (found.length > 0) return found;
  const near = nearest(name, [...new Set(vhosts.flatMap(({ graph }) => graph.nodes.map((node) => node.name)))]);
  throw values.usage(`the graph has no '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`);
}

async function formatted(
  values: Values,
  vhosts: readonly DrawnVhost[],
  { format, width }: { format: (typeof graphFormats)[number]; width: number },
): Promise<string> {
  if (format === 'json') return vhosts.map(({ graph, ...one }) => `${safeJson({ ...one, ...graph })}\n`).join('');
  const { collapsedGraph } = await import('../../topology/smaller-graph.ts');
  const smaller = (graph: Graph) => (values.flag('collapse') === false ? graph : collapsedGraph(graph));
  const drawn = vhosts.map((one) => ({ ...one, graph: smaller(one.graph) }));
  switch (format) {
    case 'text':
      return (await import('./graph/text.ts')).textOf(drawn, width);
    case 'mermaid':
      return (await import('./graph/mermaid.ts')).mermaidOf(drawn);
    case 'dot':
      return (await import('./graph/dot.ts')).dotOf(drawn);
    default:
      return (await import('./graph/svg.ts')).svgOf(drawn);
  }
}
