// Provides the tests of the configuration with the fixture files, the built-in rascal.json, and Rascal's own checks.

import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { checkConfigText } from '../../../src/config/check.ts';
import type { CheckedConfig, Config } from '../../../src/config/config.ts';
import { type Problem, problemLine } from '../../../src/config/reading/problem.ts';

const root = new URL('../../../', import.meta.url).pathname;
const require = createRequire(import.meta.url);

export const builtin: unknown = JSON.parse(readFileSync(`${root}rascal.json`, 'utf8'));

/** Names and texts of the files that must have no problem. */
export const goodFiles = globSync(`${root}test/fixtures/config/good/*.json`)
  .toSorted()
  .map((path) => [path.split('/').at(-1) ?? '', readFileSync(path, 'utf8')] as const);

export function fixture(path: string): string {
  return readFileSync(`${root}test/fixtures/config/${path}`, 'utf8');
}

/** Returns the problems of a file as lines. */
export function linesOf(content: unknown, env: Record<string, string> = {}): string[] {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return problemsOf(text, env).map((problem) => problemLine('f', problem));
}

export function problemsOf(text: string, env: Record<string, string> = {}): Problem[] {
  return checkConfigText(text, { file: 'f', env, builtin }).problems;
}

/** Returns the configuration of a file. Throws an Error if the file has a problem. */
export function configOf(content: unknown, env: Record<string, string> = {}): Config {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return checkedOf(text, env).config;
}

/** Returns the configuration of a file merged over the built-in one, for the built-in roles. */
export function withBuiltinOf(content: unknown, env: Record<string, string> = {}): Config {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return checkedOf(text, env).withBuiltin;
}

function checkedOf(text: string, env: Record<string, string>): CheckedConfig {
  const { problems, checked } = checkConfigText(text, { file: 'f', env, builtin });
  if (checked === undefined) throw new Error(problems.map((problem) => problemLine('f', problem)).join('\n'));
  return checked;
}

export interface RascalVhost {
  connections: { url: string; loggableUrl: string; socketOptions: Record<string, unknown>; retry: unknown }[];
  bindings: Record<string, { source: string; destination: string; destinationType: string; bindingKey: string }>;
  exchanges: Record<string, { fullyQualifiedName: string; assert: boolean; check?: boolean }>;
  queues: Record<
    string,
    { fullyQualifiedName: string; assert: boolean; check?: boolean; options: Record<string, unknown> }
  >;
  defaults: { connection: { retry: unknown } };
}

export interface RascalResult {
  vhosts: Record<string, RascalVhost>;
  publications: Record<string, Record<string, unknown>>;
  subscriptions: Record<string, Record<string, unknown>>;
}

type Step = (config: unknown, next: (error: Error | null, result: RascalResult) => void) => void;
const configure: Step = require(`${root}node_modules/rascal/lib/config/configure.js`);
const validate: Step = require(`${root}node_modules/rascal/lib/config/validate.js`);
const clone: (value: unknown) => unknown = require('lodash').cloneDeep;

/** Returns the configuration as Rascal's `create` completes it. Throws the errors of Rascal. */
export function rascalResult(config: unknown): RascalResult {
  const results: RascalResult[] = [];
  const take = (error: Error | null, result: RascalResult) => {
    if (error) throw error;
    results.push(result);
  };
  configure(clone(config), take);
  const [configured] = results;
  if (configured === undefined) throw new Error('Rascal returned no configuration');
  validate(configured, take);
  return configured;
}
