// Defines the parts of a test file's process that the targets and fixtures use.

import { delimiter, join } from 'node:path';
import type { FileTarget, TargetPlan } from '../harness/target.ts';
import { withLogin } from '../login/environment.ts';

/** Environment, current folder and own command of the process of a test file. */
export interface FileContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Command that starts this program again. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
}

/** Returns the command and environment that start a role. */
export function launchOf({ config, ...plan }: TargetPlan, { env, cwd, self }: FileContext): FileTarget['launch'] {
  // A user who runs the test files of a folder also trusts its rascal.json.
  const trusted = [env['MQ_TRUST'], join(cwd, 'rascal.json')].filter(Boolean).join(delimiter);
  // The login of the user's shell must not reach the broker of the tests.
  const own = withLogin(env, ('login' in plan ? plan.login : undefined) ?? {}, cwd);
  return { ...self, cwd, env: { ...own, MQ_TRUST: trusted, ...(config !== undefined && { MQ_CONFIG: config }) } };
}
