// rascal.json from disk to one checked object.

import { checkConfigText } from './check.ts';
import type { Config } from './config.ts';
import { findFile, type Where } from './find.ts';
import { mergeConfigs } from './merge.ts';
import { normalise } from './normalise.ts';
import { objectOf } from './plain.ts';
import { configError } from './problem.ts';

/**
 * Finds rascal.json (--config, MQ_CONFIG, ./rascal.json), checks it and lays it over the built-in one.
 * @param builtin the parsed built-in rascal.json
 * @param taken names of commands, which no role may have
 * @throws MqError NO_INPUT when the file cannot be read, CONFIG with every problem that it has
 */
export async function loadConfig({
  builtin,
  taken,
  ...where
}: Where & { builtin: unknown; taken?: readonly string[] }): Promise<Config> {
  const found = await findFile(where);
  if (found === undefined) return builtinConfig(builtin);
  const { file, folder, text } = found;
  const { problems, config } = checkConfigText(text, {
    file,
    folder,
    env: where.env,
    builtin,
    ...(taken && { taken }),
  });
  if (config === undefined) throw configError(file, problems);
  return config;
}

/** What mq has without any rascal.json. */
export function builtinConfig(builtin: unknown): Config {
  return mergeConfigs(normalise(objectOf(builtin)), normalise({}));
}
