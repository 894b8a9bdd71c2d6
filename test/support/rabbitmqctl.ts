// Runs rabbitmqctl in the container of a node, and compares lists of objects.

import * as assert from 'uvu/assert';
import type { Cluster } from '../../src/cluster/cluster.ts';

export type Thing = Readonly<Record<string, unknown>>;

export interface Rabbitmqctl {
  /** Returns the output of a command. Throws if it fails. */
  exec(...command: readonly string[]): Promise<string>;
  statusOf(...command: readonly string[]): Promise<number>;
  /** Returns the objects that a command lists. */
  ctl(...command: readonly string[]): Promise<Thing[]>;
  /** Returns the definitions of `export_definitions` by kind. */
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

/** Returns the object with these values. */
export function found(all: readonly Thing[] | undefined, wanted: Thing): Thing {
  const one = all?.find((each) => Object.entries(wanted).every(([name, value]) => each[name] === value));
  assert.ok(one, `no object has ${JSON.stringify(wanted)}: ${JSON.stringify(all)}`);
  return one as Thing;
}

/** Returns the named values. */
export function plain(thing: Thing, ...names: readonly string[]): unknown[] {
  return names.map((name) => thing[name]);
}

export function byName(all: readonly Thing[]): Thing[] {
  return all.toSorted((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
}

/** Returns the objects as sorted JSON with sorted names, so that they compare as a set. */
export function sortedJson(all: readonly unknown[] = []): string[] {
  return all.map((one) => JSON.stringify(canonical(one))).sort();
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, canonical(one)]));
}
