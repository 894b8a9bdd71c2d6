// Stores the user's consent to a rascal.json that the user did not name: one file for each path and content, below the
// user's configuration folder, as direnv does. See .github/docs/decisions/0009.

import { existsSync, promises, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative } from 'node:path';
import type { FoundFile } from '../../config/find.ts';
import type { Context } from '../../context.ts';
import { escaped, MqError, systemReason } from '../../errors.ts';
import { earlyValue } from '../arguments/program.ts';
import { loginOf } from './login.ts';
import { canAsk, isConfirmed } from './question.ts';
import { userFolder } from './user-folder.ts';

/**
 * Asks for consent on a terminal. Does nothing if the file is named, harmless or already trusted.
 * @param more why the command needs consent, in addition to the reasons in the file itself
 * @throws MqError UNTRUSTED without consent, USAGE for an invalid MQ_TRUST, CANNOT_CREATE if the consent cannot be
 * stored, and INTERRUPTED or TERMINATED at a signal
 */
export async function assertTrusted(
  context: Context,
  found: FoundFile,
  { builtin, more = [] }: { builtin: unknown; more?: readonly string[] },
): Promise<void> {
  if (found.isNamed) return;
  const { risksOf } = await import('./risks.ts');
  const token = await tokenForFile(context);
  const doubts = [...risksOf(found, { uid: context.uid, builtin, token }), ...more];
  if (doubts.length === 0 || isInTrustedFolder(context, found) || existsSync(await entryOf(context, found))) return;
  if (canAsk(context)) {
    for (const doubt of doubts) context.stderr.write(`${escaped(`${found.path}: ${doubt}`)}\n`);
    if (await isConfirmed(context, `trust ${found.path} with its current content?`)) return trust(context, found);
  }
  throw new MqError('UNTRUSTED', `${found.file} is not trusted: ${doubts.join('; ')}`, {
    at: found.path,
    hint: `read it; then run mq trust, or name it in each command with --config ${found.file}, or set MQ_TRUST to its folder (for CI)`,
  });
}

/** Returns the option or variable of a token that the brokers in rascal.json would receive, or `undefined`. */
async function tokenForFile(context: Context): Promise<string | undefined> {
  const { args, env } = context;
  const isNamed =
    ['url', 'url-file'].some((name) => earlyValue(args, name) !== undefined) ||
    ['MQ_URL', 'MQ_URL_FILE'].some((name) => env[name] !== undefined);
  return isNamed ? undefined : (await loginOf(context)).token?.from;
}

/** Stores the user's consent to the file with its current content. Throws CANNOT_CREATE. */
export async function trust(context: Pick<Context, 'env'>, found: FoundFile): Promise<void> {
  const entry = await entryOf(context, found);
  try {
    await promises.mkdir(storeOf(context), { recursive: true, mode: 0o700 });
    await promises.writeFile(entry, `${found.path}\n`, { mode: 0o600 });
  } catch (error) {
    const message = `cannot store that ${found.file} is trusted: ${systemReason(error)}`;
    throw new MqError('CANNOT_CREATE', message, { at: entry, cause: error });
  }
}

/** Removes every stored consent to the path. Returns how many there were. */
export async function distrust(context: Pick<Context, 'env'>, path: string): Promise<number> {
  const store = storeOf(context);
  const names = await promises.readdir(store).catch(() => []);
  const entries = names.map((name) => join(store, name));
  const isOfPath = await Promise.all(
    entries.map(async (entry) => (await promises.readFile(entry, 'utf8').catch(() => '')) === `${path}\n`),
  );
  const own = entries.filter((_, index) => isOfPath[index]);
  await Promise.all(own.map((entry) => promises.rm(entry, { force: true })));
  return own.length;
}

async function entryOf(context: Pick<Context, 'env'>, { path, text }: FoundFile): Promise<string> {
  const { createHash } = await import('node:crypto');
  return join(storeOf(context), createHash('sha256').update(`${path}\n${text}`).digest('hex'));
}

function storeOf(context: Pick<Context, 'env'>): string {
  return join(userFolder(context), 'trust');
}

/**
 * Returns `true` if MQ_TRUST contains the path of the file or of a folder above it. Throws USAGE for a path that is not
 * absolute.
 */
function isInTrustedFolder({ env }: Pick<Context, 'env'>, { path }: FoundFile): boolean {
  const folders = (env['MQ_TRUST'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const wrong = folders.find((folder) => !isAbsolute(folder));
  if (wrong !== undefined) {
    const hint = 'set it to the folder of the rascal.json: MQ_TRUST="$PWD"';
    throw new MqError('USAGE', `'${wrong}' in MQ_TRUST is not an absolute path`, { hint });
  }
  return folders.some((folder) => {
    const below = relative(realPath(folder), realPath(path));
    return !isAbsolute(below) && below.split(/[\\/]/)[0] !== '..';
  });
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
