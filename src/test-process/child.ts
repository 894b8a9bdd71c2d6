// The process of one test file of `mq test`: connects the harness to the implementations of its fixtures.

import { platform } from 'node:os';
import type { Spawn } from '../context.ts';
import { loadModule } from '../handlers/module-load.ts';
import { enableCache } from '../harness/cache.ts';
import { type ChildHost, runChild } from '../harness/child.ts';
import type { ChildOptions } from '../harness/request.ts';
import type { TargetPlan } from '../harness/target.ts';
import { startCommandsBy } from '../login/command-spawn.ts';
import type { FileContext } from './file-context.ts';

/** Waits for the request that names the file, and runs the file. The process must exit by itself afterwards. */
export async function testChild(
  host: ChildHost & Pick<NodeJS.Process, 'pid' | 'kill'>,
  context: TestContext,
): Promise<void> {
  const onGone = () => {
    // The roles that the tests have started are in this process group (start-child.ts), and no other process would end
    // them.
    if (platform() !== 'win32') host.kill(-host.pid, 'SIGTERM');
    host.exit(1);
  };
  host.on('disconnect', onGone);
  startCommandsBy(context.spawn);
  const { file, name, target = { kind: 'embedded' }, ...options } = await requestOf(host);
  enableCache(file, context.env);
  setBrokerVariable(target, context.env);
  const own = target.self ? (await import('../harness/suites.ts')).suiteOf(file) : undefined;
  await runChild(
    host,
    { ...options, file },
    {
      isOwn: own !== undefined,
      load: async () => {
        if (own !== undefined) {
          await own();
          return;
        }
        await loadModule(file, name ?? file, { awaits: true });
      },
      open: async () => (await import('./target.ts')).openTarget(target, context),
    },
  );
}

interface TestContext extends FileContext {
  /** Environment of the file, which it reads as `process.env`. */
  readonly env: Record<string, string | undefined>;
  readonly spawn: Spawn;
}

/**
 * Sets MQ_TEST_BROKER for code that does not import `mq/test`: a client of the user, a file with plain uvu, a program
 * that a test starts.
 */
function setBrokerVariable(target: TargetPlan, env: TestContext['env']): void {
  if (target.kind === 'embedded') {
    // The variable of an enclosing run must not apply to this file.
    delete env['MQ_TEST_BROKER'];
    return;
  }
  const { urls, managementUrls, cluster } = target;
  env['MQ_TEST_BROKER'] = JSON.stringify({ urls, managementUrls, ...(cluster !== undefined && { cluster }) });
}

function requestOf(host: ChildHost): Promise<ChildOptions> {
  return new Promise((resolve) => {
    host.once('message', (message) => resolve(message as ChildOptions));
  });
}
