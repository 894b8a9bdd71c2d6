// mq bench: measures rates, latencies, losses and duplicates of a broker or of a topology.

import { type BenchVerb, benchVerbs } from '../../bench/load.ts';
import type { CheckedConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { benchVerbOptions } from '../arguments/bench-options.ts';
import type { Command, Verb } from '../command.ts';

type ConfigsOf = (context: Context) => Promise<CheckedConfig>;

const rows: Readonly<Record<BenchVerb, Pick<Verb, 'usage' | 'summary' | 'examples'>>> = {
  publish: {
    usage: '[publication]',
    summary: 'send, and measure the confirms',
    examples: [
      'mq bench publish --rate 1000 --duration 30s',
      'mq bench publish orders --routing-key order.new --rate 50',
    ],
  },
  consume: {
    usage: '[subscription]',
    summary: 'fill queues, and measure how fast consumers empty them',
    examples: ['mq bench consume --count 100000 --prefetch 50', 'mq bench consume orders --drop-messages'],
  },
  pipe: {
    usage: '[publication] [subscription]',
    summary: 'send and receive, and measure the way of each message',
    examples: [
      "mq bench pipe --rate 1000 --threshold 'p99<50ms' --threshold 'lost==0'",
      'mq bench pipe --producers 4 --consumers 4 --queues 2 --queue-type classic',
      'mq bench pipe --rate 1000 --json > baseline.json',
      'mq bench pipe --rate 1000 --baseline baseline.json --tolerance 20%',
    ],
  },
  rpc: {
    usage: '[publication]',
    summary: 'send requests, and measure the replies',
    examples: ['mq bench rpc --window 1000', "mq bench rpc prices --rate 200 --threshold 'p99.9<100ms'"],
  },
};

export function benchCommand(configsOf: ConfigsOf): Command {
  return {
    name: 'bench',
    summary: 'measure rates, latencies and losses, with a verdict',
    usage: '',
    options: [],
    group: 'Tests',
    topic: 'bench',
    verbs: Object.fromEntries(benchVerbs.map((verb) => [verb, verbOf(verb, configsOf)])),
    examples: ['mq bench pipe --rate 1000', "mq bench publish orders --rate 100 --threshold 'p99<50ms'"],
  };
}

function verbOf(verb: BenchVerb, configsOf: ConfigsOf): Verb {
  return {
    ...rows[verb],
    options: benchVerbOptions[verb],
    async run(context, values) {
      const { runBench } = await import('./bench/run.ts');
      await runBench(context, values, { verb, configs: await configsOf(context) });
    },
  };
}
