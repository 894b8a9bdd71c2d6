// Runs a role as a command, with the settings of the role and the options of the command line.

import type { Config } from '../../config/config.ts';
import { isReceiving, isSending, type RoleConfig, usesOf } from '../../config/role.ts';
import type { Context } from '../../context.ts';
import { escaped } from '../../errors.ts';
import { time } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { roleExamples, roleSections } from '../role-help.ts';
import { withTraces } from '../traces.ts';
import { observed } from './role/observation.ts';
import { runReceiving } from './role/receive.ts';
import type { NamedRole } from './role/running.ts';
import { runPublish, runRequest } from './role/send.ts';
import { usageOf } from './role/usage.ts';

/** Returns the command for a role of rascal.json. generic.ts uses it for roles that are not in the file. */
export function roleCommand(
  name: string,
  role: RoleConfig,
  { config, group }: { config: Config; group: string },
): Command {
  return {
    name,
    // These texts come from rascal.json and are printed by help, so they are escaped.
    summary: escaped(role.summary ?? `${role.behaviour} ${Object.values(usesOf(role)).flat().join(', ')}`),
    usage: escaped(usageOf(role)),
    options: optionSets[role.behaviour],
    sendsText: isSending(role),
    ...(role.log && { log: role.log }),
    sections: roleSections(role),
    examples: roleExamples(name, role).map(escaped),
    group,
    topic: isSending(role) ? 'publishing' : 'handlers',
    run: (context, values) => runRole(context, values, { name, role, config }),
  };
}

/** Runs the role until its work is done, or until the drain time after the first signal has passed. */
export async function runRole(context: Context, values: Values, named: NamedRole): Promise<void> {
  const { role } = named;
  const drainMs = values.duration('drain') ?? role.drain ?? 25_000;
  /** Starts the drain time, in which running handlers can finish. */
  const beginDrain = () => void time.after(drainMs, context.giveUp).unref();
  context.drain.addEventListener('abort', beginDrain, { once: true });
  try {
    await observed(
      context,
      values,
      { name: named.name, role, isConsuming: isReceiving(role) },
      (inner, observation) => {
        const traced = { name: named.name, say: observation.sayNamed, drainMs };
        return withTraces(inner, traced, (tracer) => {
          const running = { ...named, observation, beginDrain, drainMs, tracer };
          if (isReceiving(role)) return runReceiving(inner, values, { ...running, role });
          const runSending = role.behaviour === 'publish' ? runPublish : runRequest;
          return runSending(inner, values, { ...running, role });
        });
      },
    );
  } finally {
    context.drain.removeEventListener('abort', beginDrain);
  }
}
