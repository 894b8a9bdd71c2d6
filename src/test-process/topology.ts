// Provides the topology for the fixtures of a test file: the user's rascal.json, or the topology of mq's own suites.

import builtin from '../../rascal.json' with { type: 'json' };
import type { Config } from '../config/config.ts';
import { loadConfigs, withContent } from '../config/load.ts';
import { objectOf } from '../config/plain.ts';
import { delayName } from '../delay/configured.ts';
import type { TargetPlan } from '../harness/target.ts';
import type { Login } from '../login/login.ts';
import { fixtureRole } from './connection-name.ts';
import type { FileContext } from './file-context.ts';

interface Topology {
  /**
   * Configuration for the fixtures. It includes the built-in publications and subscriptions, because test files also
   * run built-in roles.
   */
  readonly config: Config;
  /** Names of the queues of the configuration, and the name that begins the names of queues for delayed messages. */
  readonly queues: readonly string[];
  readonly hasStreams: boolean;
  /**
   * Declares what the user's file defines. Without a file it declares nothing, because roles and fixtures declare what
   * they use.
   */
  declare(urls: readonly string[], login?: Login): Promise<void>;
}

export async function topologyOf(plan: TargetPlan, { env, cwd }: FileContext): Promise<Topology> {
  const { config: option, self } = plan;
  const found = await loadConfigs({ ...(option !== undefined && { option }), env, cwd, builtin });
  const config = self ? await withSuites(found.withBuiltin) : found.withBuiltin;
  const own = self ? config : found.config;
  return {
    config,
    queues: Object.entries(config.vhosts).flatMap(([name, { queues }]) => [
      ...Object.keys(queues),
      delayName(config, name),
    ]),
    hasStreams: Object.values(own.vhosts).some(({ queues }) =>
      Object.values(queues).some(({ options }) => isStream(options)),
    ),
    declare: async (urls, login) => {
      if (own.file === undefined && !self) return;
      const { declareAll } = await import('../session/declare-all.ts');
      await declareAll(own, { urls, login, role: fixtureRole });
    },
  };
}

/** Reports whether the options declare a stream. */
export function isStream(options: Readonly<Record<string, unknown>> = {}): boolean {
  return objectOf(options['arguments'])['x-queue-type'] === 'stream';
}

async function withSuites(config: Config): Promise<Config> {
  const { suitesConfig } = await import('../harness/suites.ts');
  return withContent(config, suitesConfig);
}
