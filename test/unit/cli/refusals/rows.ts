// Runs command lines that mq must refuse, without a child process, and checks the exit status, the line and the hint.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import {
  addressWithCanary,
  assertNoSecret,
  assertRefused,
  assertRefusedInJson,
  type Refusal,
} from '../../../support/refusal.ts';

export interface Row extends Refusal {
  readonly title: string;
  readonly args: readonly string[];
  /** Files in the folder that mq runs in. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** `true` also runs the line with --json and with --debug. */
  readonly everyStyle?: true;
}

/** Registers the tests of the rows. */
export function refuses(rows: readonly Row[]): void {
  for (const { title, args, files, env, everyStyle, ...refusal } of rows) {
    const run = (more: readonly string[] = []) => runRefused([...more, ...args], files, env);
    test(`refuses ${title}`, async () => assertRefused(await run(), refusal));
    if (!everyStyle) continue;
    test(`reports one object with --json: ${title}`, async () =>
      assertRefusedInJson(await run(['--json']), args[0] ?? '', refusal));
    test(`reports a stack but no password with --debug: ${title}`, async () => {
      const result = await run(['--debug']);
      assertNoSecret(result);
      assert.is(result.status, refusal.exit);
      assert.match(result.stderr, /^MqError: .*\n {4}at /m);
    });
  }
}

function runRefused(args: readonly string[], files: Row['files'] = {}, env: Row['env'] = {}): Promise<CliRun> {
  return runCli(args, {
    cwd: emptyFolder(files),
    // Port 1 refuses connections, so a command that mq does not refuse earlier also ends.
    env: { PATH: process.env['PATH'] ?? '', MQ_URL: addressWithCanary('127.0.0.1:1'), ...env },
  });
}

/** Returns the files of a folder with this rascal.json. */
export function rascal(value: unknown): { readonly 'rascal.json': string } {
  return { 'rascal.json': typeof value === 'string' ? value : JSON.stringify(value) };
}

/** Returns the files of a folder whose rascal.json has this address. */
export function connection(url: string): { readonly 'rascal.json': string } {
  return rascal({ vhosts: { '/': { connection: url } } });
}
