// rascal.json from disk to one checked object.

import { MqError } from '../errors.ts';
import { checkConfigText } from './check.ts';
import type { Config } from './config.ts';
import { findFile, type Where } from './find.ts';
import { mergeConfigs } from './merge.ts';
import { normalise } from './normalise.ts';
import { objectOf } from './plain.ts';
import { type Problem, problemLine } from './problem.ts';

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
  const checked = await checkFile({ builtin, ...(taken && { taken }), ...where });
  if (checked === undefined) return builtinConfig(builtin);
  const { file, problems, config } = checked;
  if (config !== undefined) return config;
  const lines = problems.map((problem) => problemLine(file, problem));
  const [first = `${file} is wrong`] = lines;
  if (lines.length === 1) throw new MqError('CONFIG', first);
  throw new MqError('CONFIG', `${file} has ${lines.length} problems`, { at: file, problems: lines });
}

/**
 * The same, with what is wrong as a result. Undefined: there is no file, and none was named.
 * @throws MqError NO_INPUT when the file cannot be read
 */
export async function checkFile({
  builtin,
  taken,
  ...where
}: Where & { builtin: unknown; taken?: readonly string[] }): Promise<
  { file: string; problems: Problem[]; config?: Config } | undefined
> {
  const found = await findFile(where);
  if (found === undefined) return undefined;
  const { file, folder, text } = found;
  const more = { env: where.env, builtin, ...(taken && { taken }) };
  return { file, ...checkConfigText(text, { file, folder, ...more }) };
}

/** What mq has without any rascal.json. */
export function builtinConfig(builtin: unknown): Config {
  return mergeConfigs(normalise(objectOf(builtin)), normalise({}));
}
