// Loads and checks rascal.json.

import { checkConfigText } from './check.ts';
import type { CheckedConfig, Config } from './config.ts';
import { type FoundFile, findFile, type Where } from './find.ts';
import { objectOf, type Plain } from './plain.ts';
import { mergeConfigs } from './reading/merge.ts';
import { normalise } from './reading/normalise.ts';
import { configError } from './reading/problem.ts';

interface LoadOptions extends Where {
  /** Parsed content of the built-in rascal.json. */
  builtin: unknown;
  /** Names of commands, which no role may have. */
  commandNames?: readonly string[];
  /** Is called with a valid file, and throws an error to refuse it. By default every file is accepted. */
  assertAccepted?: (found: FoundFile, config: Config) => Promise<void>;
}

/**
 * Finds rascal.json (--config, MQ_CONFIG, ./rascal.json) and checks it. A user's file defines the whole topology.
 * Without a user's file, the built-in file is used.
 * @throws MqError NO_INPUT if the file cannot be read, CONFIG with all its problems if it is invalid
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  return (await loadConfigs(options)).config;
}

/**
 * Loads rascal.json like `loadConfig`, and also returns the user's file merged over the built-in one, for the built-in
 * roles.
 */
export async function loadConfigs({
  builtin,
  commandNames,
  assertAccepted,
  ...where
}: LoadOptions): Promise<CheckedConfig> {
  const found = await findFile(where);
  if (found === undefined) return builtinConfigs(builtin);
  const { file, folder, text } = found;
  const { problems, checked } = checkConfigText(text, {
    file,
    folder,
    env: where.env,
    builtin,
    ...(commandNames && { commandNames }),
  });
  if (checked === undefined) throw configError(file, problems);
  await assertAccepted?.(found, checked.config);
  return checked;
}

/** Returns the configuration of the built-in file. */
export function builtinConfig(builtin: unknown): Config {
  return mergeConfigs(normalise(objectOf(builtin)), normalise({}));
}

/** Returns the configurations that apply if the user has no file. Both are the built-in one. */
export function builtinConfigs(builtin: unknown): CheckedConfig {
  const config = builtinConfig(builtin);
  return { config, withBuiltin: config };
}

/** Returns the configuration with the content of another file merged over it. */
export function withContent(config: Config, content: Plain): Config {
  const { file, folder } = config;
  return mergeConfigs(config, { ...normalise(content), file, folder });
}
