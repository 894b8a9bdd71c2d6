// mq check --compatible-with: compares the schemas of two versions of a rascal.json.

import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkConfigText, configError } from '../../../config/check.ts';
import type { Config } from '../../../config/config.ts';
import { type FoundFile, findFile } from '../../../config/find.ts';
import type { Context, Output } from '../../../context.ts';
import { stepOf } from '../../../contracts/schema-node.ts';
import { escaped, MqError, safeJson } from '../../../errors.ts';

/** A version of a rascal.json that passed all checks. */
export interface Version {
  readonly file: string;
  readonly config: Config;
}

type Kind = 'publication' | 'subscription';

interface Incompatible {
  readonly file: string;
  readonly code: 'incompatible' | 'incomparable';
  /** JSON pointer in the file. */
  readonly pointer: string;
  readonly kind: Kind;
  readonly name: string;
  /** JSON pointer in the body. */
  readonly body: string;
  readonly message: string;
}

/**
 * Compares a rascal.json with an older one, and prints a line for each difference that is not compatible. Returns `false` if
 * there is one.
 * @throws MqError NO_INPUT or CONFIG if the older file or a schema cannot be read or is invalid
 */
export async function printCompatibility(
  context: Context,
  newer: Version,
  { path, builtin, isJson }: { path: string; builtin: unknown; isJson: boolean },
): Promise<boolean> {
  const { stdout } = context;
  const older = await olderVersion(context, path, builtin);
  const { findings, compared } = await differences(older, newer);
  for (const one of findings) stdout.write(isJson ? `${safeJson(one)}\n` : line(one));
  printVerdict(stdout, { older, newer, findings, compared }, isJson);
  return findings.length === 0;
}

function line({ file, pointer, kind, name, message }: Incompatible): string {
  return `${escaped(`${file}#${pointer}: ${kind} ${name}: ${message}`)}\n`;
}

function printVerdict(
  stdout: Output,
  { older, newer, findings, compared }: { older: Version; newer: Version; findings: unknown[]; compared: number },
  isJson: boolean,
): void {
  const isCompatible = findings.length === 0;
  const [file, compatibleWith] = [newer.file, older.file];
  if (isJson) stdout.write(`${safeJson({ file, compatibleWith, compatible: isCompatible, compared })}\n`);
  else {
    const count = `${compared} schema${compared === 1 ? '' : 's'} compared`;
    const verdict = `${isCompatible ? '' : 'not '}compatible with ${compatibleWith}`;
    stdout.write(`${escaped(`${file}: ${verdict} (${count})`)}\n`);
  }
}

/** Reads the older file, or the rascal.json of the older folder. */
async function olderVersion({ env, cwd, drain: signal }: Context, path: string, builtin: unknown): Promise<Version> {
  const isFolder = statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isDirectory() === true;
  const option = isFolder ? join(path, 'rascal.json') : path;
  const found = await findFile({ option, isArgument: true, env, cwd, signal });
  if (found === undefined) throw new MqError('NO_INPUT', `there is no ${option}`);
  return { file: found.file, config: configIn(found, { env, builtin }) };
}

function configIn(
  { file, folder, text }: FoundFile,
  { env, builtin }: Pick<Context, 'env'> & { builtin: unknown },
): Config {
  const { problems, checked } = checkConfigText(text, { file, folder, env, builtin });
  if (checked === undefined) throw configError(file, problems);
  return checked.config;
}

async function differences(older: Version, newer: Version): Promise<{ findings: Incompatible[]; compared: number }> {
  const [{ compare }, { schemaTrees }] = await Promise.all([
    import('../../../contracts/compatibility.ts'),
    import('../../../contracts/trees.ts'),
  ]);
  const [before, after] = [await schemaTrees(older.config), await schemaTrees(newer.config)];
  let compared = 0;
  const findings = (['publication', 'subscription'] as const).flatMap((kind) => {
    const [was, now] = [before[`${kind}s`], after[`${kind}s`]];
    const common = Object.keys(newer.config[`${kind}s`]).filter((name) =>
      Object.hasOwn(older.config[`${kind}s`], name),
    );
    return common.flatMap((name): Incompatible[] => {
      const [old, own] = [was.get(name), now.get(name)];
      if (old === undefined || own === undefined) return changedPresence(newer, { kind, name, was: old, now: own });
      compared += 1;
      return compare(old, own, kind).map(({ path, file, ...one }) => ({
        ...{ file: join(dirname(newer.file), file), code: one.code, pointer: one.pointer },
        ...{ kind, name, body: path, message: one.message },
      }));
    });
  });
  return { findings, compared };
}

interface Presence {
  readonly kind: Kind;
  readonly name: string;
  readonly was: unknown;
  readonly now: unknown;
}

/** Without a schema, every body is accepted. */
function changedPresence({ file }: Version, { kind, name, was, now }: Presence): Incompatible[] {
  const isNew = was === undefined && now !== undefined;
  const isRemoved = was !== undefined && now === undefined;
  if (!(kind === 'publication' ? isRemoved : isNew)) return [];
  const message = isNew
    ? 'has a schema, and refuses bodies that it accepted without one'
    : 'has no schema, and accepts bodies that the old schema refuses';
  const pointer = stepOf(`/mq/${kind}s`, name);
  return [{ file, code: 'incompatible', pointer, kind, name, body: '', message }];
}
