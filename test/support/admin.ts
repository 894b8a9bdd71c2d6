// Actions of mq admin in one vhost, and which of them were run.

import * as assert from 'uvu/assert';
import { type CliOptions, type CliRun, objects, runCli } from './cli.ts';
import type { Thing } from './rabbitmqctl.ts';

/** `place` is another vhost than the usual one; '': none is named. */
type Try = (words: string, args?: readonly string[], place?: string, more?: CliOptions) => Promise<CliRun>;

export interface AdminRuns {
  /** Runs an action; it must succeed. */
  readonly admin: Try;
  readonly tried: Try;
  /** Of one thing, the fields that are wanted. */
  readonly shows: (noun: string, args: readonly string[], wanted: Thing, place?: string) => Promise<Thing>;
  /** The words of all that were run. */
  readonly run: ReadonlySet<string>;
}

export function adminIn(vhost: string, env: Readonly<Record<string, string>>): AdminRuns {
  const run = new Set<string>();
  const tried: Try = (words, args = [], place = vhost, more = {}) => {
    run.add(words);
    const where = place === '' ? [] : ['--vhost', place];
    return runCli(['admin', ...words.split(' '), ...args, ...where], { env, ...more });
  };
  const admin: Try = async (words, ...rest) => {
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
