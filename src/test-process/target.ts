// Opens the target of one test file of `mq test`: a broker in this process, or a vhost of its own on another broker.

import type { FileTarget, TargetPlan } from '../harness/target.ts';
import type { FileContext } from './file-context.ts';

/** Creates the target with the topology of the user's rascal.json. */
export async function openTarget(plan: TargetPlan, context: FileContext): Promise<FileTarget> {
  if (plan.kind === 'embedded') return (await import('./embedded.ts')).openEmbedded(plan, context);
  return (await import('./vhost.ts')).openVhost(plan, context);
}
