// The input of every verb of mq cluster, and the steps that several of them share.

import type { Config } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { Printer } from '../../../terminal/printer.ts';
import type { Values } from '../../arguments/values.ts';
import { chosenCluster } from './choose.ts';

/** The input of a verb. */
export interface Job {
  readonly context: Context;
  readonly values: Values;
  /** Names of the nodes on the command line. */
  readonly hosts: readonly string[];
  readonly configOf: (context: Context) => Promise<Config>;
}

/** Returns the cluster that the command line names. */
export async function attached({ context, values }: Job) {
  const name = await chosenCluster(context, values);
  const { attachCluster } = await import('../../../cluster/cluster.ts');
  return attachCluster({ name });
}

/** Prints the new state of each node that the command line names. */
export async function reportState({ context, values, hosts }: Job, cluster: string, state: string): Promise<undefined> {
  const printer = new Printer(context.stdout);
  for (const node of hosts) {
    if (values.flag('json')) await printer.json({ cluster, node, state });
    else await printer.text(`${node} is ${state}`);
  }
}
