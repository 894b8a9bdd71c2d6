// What rabbitmqctl says in the container of a node, and what two lists of things have in common.

import * as assert from 'uvu/assert';
import type { Cluster } from '../../src/cluster/cluster.ts';

export type Thing = Readonly<Record<string, unknown>>;

export interface Rabbitmqctl {
  /** A command's output; it must succeed. */
  exec(...command: readonly string[]): Promise<string>;
  statusOf(...command: readonly string[]): Promise<number>;
  /** What a command lists. */
  ctl(...command: readonly string[]): Promise<Thing[]>;
  /** Everything that `export_definitions` has, by its kind. */
  definitions(): Promise<Record<string, Thing[]>>;
}

export function rabbitmqctl(cluster: Cluster): Rabbitmqctl {
  const run = (command: readonly string[]) => cluster.exec(0, ['rabbitmqctl', '-q', ...command]);
  const exec = async (...command: readonly string[]) => {
    const { exitCode, output } = await run(command);
    assert.is(exitCode, 0, output);
    return output;
  };
  return {
    exec,
    statusOf: async (...command) => (await run(command)).exitCode,
    ctl: async (...command) => {
      const answer = JSON.parse(await exec(...command, '--formatter', 'json')) as Thing | Thing[];
      return Array.isArray(answer) ? answer : [answer as Thing];
    },
    definitions: async () => {
      const output = await exec('export_definitions', '-');
      return JSON.parse(output.slice(output.indexOf('{'))) as Record<string, Thing[]>;
    },
  };
}

/** The one that has these values. */
export function found(all: readonly Thing[] | undefined, wanted: Thing): Thing {
  const one = all?.find((each) => Object.entries(wanted).every(([name, value]) => each[name] === value));
  assert.ok(one, `none is ${JSON.stringify(wanted)} in ${JSON.stringify(all)}`);
  return one as Thing;
}

/** The values of these names. */
export function plain(thing: Thing, ...names: readonly string[]): unknown[] {
  return names.map((name) => thing[name]);
}

export function byName(all: readonly Thing[]): Thing[] {
  return all.toSorted((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
}

/** As sets are compared: each as JSON with its names in order, and all in order. */
export function sortedJson(all: readonly unknown[] = []): string[] {
  return all.map((one) => JSON.stringify(canonical(one))).sort();
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, canonical(one)]));
}
