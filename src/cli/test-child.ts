// The process of one test file of `mq test`: wires the harness to what the file's fixtures need.

import { type ChildHost, runChild } from '../harness/child.ts';
import { type ChildOptions, targetVariable } from '../harness/request.ts';
import type { TargetPlan } from '../harness/target.ts';
import type { FileWorld } from './test-target.ts';

/** Runs the file that the request names. The process is to end by itself then. */
export async function testChild(host: ChildHost, request: string, world: FileWorld): Promise<void> {
  const options = JSON.parse(request) as ChildOptions;
  const { [targetVariable]: described, ...env } = world.env;
  const target = JSON.parse(described ?? '{"kind":"embedded"}') as TargetPlan;
  const own = target.self ? (await import('../harness/suites.ts')).suiteOf(options.file) : undefined;
  await runChild(host, options, {
    isOwn: own !== undefined,
    load: async (file) => {
      if (own !== undefined) {
        await own();
        return;
      }
      const { loadModule } = await import('../handlers/module-load.ts');
      await loadModule(file, options.name ?? file, { awaits: true });
    },
    open: async () => {
      const { openTarget } = await import('./test-target.ts');
      return openTarget(target, { ...world, env });
    },
  });
}
