// Loads the configuration of a command line: --config, otherwise MQ_CONFIG, otherwise ./rascal.json, otherwise the
// built-in file.

import builtin from '../../rascal.json' with { type: 'json' };
import type { CheckedConfig, Config } from '../config/config.ts';
import type { FoundFile } from '../config/find.ts';
import type { Context } from '../context.ts';
import { configWithLogin } from '../login/apply.ts';
import { earlyValue } from './arguments/program.ts';
import { refuseBytes } from './exact-arguments.ts';
import { loginOf } from './input/login.ts';
import { assertTrusted } from './input/trust.ts';

interface Settings {
  /** Names of commands, which no role may have. */
  readonly commandNames: readonly string[];
  /** Is called with the user's file, and throws to refuse it. By default the file must be trusted. */
  readonly assertAccepted?: (found: FoundFile, config: Config) => Promise<void>;
}

/**
 * Returns the user's file, alone and merged over the built-in one.
 * @throws MqError CONFIG, NO_INPUT, USAGE, UNTRUSTED or CANNOT_CREATE, and INTERRUPTED or TERMINATED at a signal
 */
export async function loadConfiguration(
  context: Context,
  { commandNames, assertAccepted }: Settings,
): Promise<CheckedConfig> {
  const { args, env, cwd, drain: signal } = context;
  const option = earlyValue(args, 'config');
  if (option !== undefined) refuseBytes(['--config', option], { takesBytes: false });
  const { loadConfigs } = await import('../config/load.ts');
  const configs = await loadConfigs({
    ...(option !== undefined && { option }),
    env,
    cwd,
    signal,
    builtin,
    commandNames,
    assertAccepted: assertAccepted ?? ((found) => assertTrusted(context, found, { builtin })),
  });
  const login = await loginOf(context);
  return { config: configWithLogin(configs.config, login), withBuiltin: configWithLogin(configs.withBuiltin, login) };
}

/** Returns the configuration for help, which must work even if the file is invalid or not trusted. */
export async function configurationForHelp(context: Context, commandNames: readonly string[]): Promise<CheckedConfig> {
  return loadConfiguration(context, { commandNames, assertAccepted: async () => undefined }).catch(async () => {
    // The problems of the file are reported when a command runs.
    return (await import('../config/load.ts')).builtinConfigs(builtin);
  });
}
