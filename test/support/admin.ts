// Runs actions of mq admin in one vhost, and records the actions that were run.

import * as assert from 'uvu/assert';
import { type CliOptions, type CliRun, objects, runCli } from './cli.ts';
import type { Thing } from './rabbitmqctl.ts';

/** Runs an action. `place` is the vhost, by default that of the test; with `''` no vhost is named. */
type RunAction = (words: string, args?: readonly string[], place?: string, more?: CliOptions) => Promise<CliRun>;

export interface AdminRuns {
  /** Runs an action. Throws if it fails. */
  readonly admin: RunAction;
  /** Runs an action that may fail. */
  readonly tried: RunAction;
  /** Returns the named fields of one object. */
  readonly shows: (noun: string, args: readonly string[], wanted: Thing, place?: string) => Promise<Thing>;
  /** The words of every action that was run. */
  readonly run: ReadonlySet<string>;
}

export function adminIn(vhost: string, env: Readonly<Record<string, string>>): AdminRuns {
  const run = new Set<string>();
  const tried: RunAction = (words, args = [], place = vhost, more = {}) => {
    run.add(words);
    const where = place === '' ? [] : ['--vhost', place];
    return runCli(['admin', ...words.split(' '), ...args, ...where], { env, ...more });
  };
  const admin: RunAction = async (words, ...rest) => {
    const result = await tried(words, ...rest);
    assert.is(result.status, 0, `${words}: ${result.stderr}`);
    return result;
  };
  const shows: AdminRuns['shows'] = async (noun, args, wanted, place) => {
    const [item] = objects(await admin(`show ${noun}`, [...args, '--json'], place));
    return Object.fromEntries(Object.keys(wanted).map((name) => [name, item?.[name]]));
  };
  return { admin, tried, shows, run };
}
