// The process of a test file, as what its fixtures need of it.

import type { FileTarget, TargetPlan } from '../harness/target.ts';

export interface FileWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What starts this program once more. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
}

/** How a role is started from a test. */
export function launchOf({ config }: TargetPlan, { env, self }: FileWorld): FileTarget['launch'] {
  return { ...self, env: { ...env, ...(config !== undefined && { MQ_CONFIG: config }) } };
}
