// The process of a test file, as what its fixtures need of it.

import { delimiter, join } from 'node:path';
import type { FileTarget, TargetPlan } from '../harness/target.ts';

export interface FileWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What starts this program once more. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
}

/** How a role is started from a test. */
export function launchOf({ config }: TargetPlan, { env, cwd, self }: FileWorld): FileTarget['launch'] {
  // Whoever runs the test files of a folder trusts its rascal.json.
  const trusted = [env['MQ_TRUST'], join(cwd, 'rascal.json')].filter(Boolean).join(delimiter);
  return { ...self, env: { ...env, MQ_TRUST: trusted, ...(config !== undefined && { MQ_CONFIG: config }) } };
}
