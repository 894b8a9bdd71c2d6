// rascal.json from disk to one checked object.

import { checkConfigText } from './check.ts';
import type { CheckedConfig, Config } from './config.ts';
import { type FoundFile, findFile, type Where } from './find.ts';
import { mergeConfigs } from './merge.ts';
import { normalise } from './normalise.ts';
import { objectOf } from './plain.ts';
import { configError } from './problem.ts';

interface LoadOptions extends Where {
  /** The parsed built-in rascal.json. */
  builtin: unknown;
  /** Names of commands, which no role may have. */
  taken?: readonly string[];
  /** Called with a file that is right; what it throws is thrown. Default: every file is used. */
  judge?: (found: FoundFile, config: Config) => Promise<void>;
}

/**
 * Finds rascal.json (--config, MQ_CONFIG, ./rascal.json) and checks it. A user's file is the whole topology; without one
 * the built-in file is.
 * @throws MqError NO_INPUT when the file cannot be read, CONFIG with every problem that it has
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  return (await loadConfigs(options)).config;
}

/** The same, and beside it the configuration of the built-in roles: the user's file laid over the built-in one. */
export async function loadConfigs({ builtin, taken, judge, ...where }: LoadOptions): Promise<CheckedConfig> {
  const found = await findFile(where);
  if (found === undefined) return builtinConfigs(builtin);
  const { file, folder, text } = found;
  const { problems, checked } = checkConfigText(text, {
    file,
    folder,
    env: where.env,
    builtin,
    ...(taken && { taken }),
  });
  if (checked === undefined) throw configError(file, problems);
  await judge?.(found, checked.config);
  return checked;
}

/** What mq has without any rascal.json. */
export function builtinConfig(builtin: unknown): Config {
  return mergeConfigs(normalise(objectOf(builtin)), normalise({}));
}

export function builtinConfigs(builtin: unknown): CheckedConfig {
  const config = builtinConfig(builtin);
  return { config, withBuiltin: config };
}
