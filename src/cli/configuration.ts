// Loads the configuration of a command line: --config, otherwise MQ_CONFIG, otherwise ./rascal.json, otherwise the
// built-in file.

import builtin from '../../rascal.json' with { type: 'json' };
import type { CheckedConfig, Config } from '../config/config.ts';
import type { FoundFile } from '../config/find.ts';
import type { Context } from '../context.ts';
import { earlyValue, hasFlag } from './arguments/program.ts';
import { refuseBytes } from './exact-arguments.ts';
import { configWithTls } from './input/addresses.ts';
import { assertTrusted } from './input/trust.ts';

interface Settings {
  /** Names of commands, which no role may have. */
  readonly commandNames: readonly string[];
  /** Is called with the user's file, and throws to refuse it. By default the file must be trusted. */
  readonly assertAccepted?: (found: FoundFile, config: Config) => Promise<void>;
}

/** Returns the user's file, alone and merged over the built-in one. Throws CONFIG, NO_INPUT, USAGE or UNTRUSTED. */
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
  const choice = { ca: earlyValue(args, 'ca'), isInsecure: hasFlag(args, '--insecure') };
  return { config: configWithTls(configs.config, choice), withBuiltin: configWithTls(configs.withBuiltin, choice) };
}

/** Returns the configuration for help, which must work even if the file is invalid or not trusted. */
export async function configurationForHelp(context: Context, commandNames: readonly string[]): Promise<CheckedConfig> {
  return loadConfiguration(context, { commandNames, assertAccepted: async () => undefined }).catch(async () => {
    // The problems of the file are reported when a command runs.
    return (await import('../config/load.ts')).builtinConfigs(builtin);
  });
}
