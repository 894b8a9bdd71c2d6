// Ensures that mq uses no other engine if DOCKER_HOST names one.

import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';

/**
 * Throws UNAVAILABLE if the engine of DOCKER_HOST does not answer, because testcontainers would then use another one.
 */
export async function requireDockerHost({ env }: Pick<Context, 'env'>): Promise<void> {
  const { DOCKER_HOST: given } = env;
  if (!given) return;
  const { connectDocker } = await import('./docker.ts');
  const { address } = await connectDocker();
  if (isSame(given, address)) return;
  throw new MqError('UNAVAILABLE', `no Docker engine answers at DOCKER_HOST, ${given}`, {
    hint: 'start it, or unset DOCKER_HOST to use the engine of this machine',
  });
}

function isSame(
  given: string,
  { socketPath, host, port }: { socketPath?: string; host?: string; port?: string | number },
) {
  const url = URL.parse(given);
  if (url?.protocol === 'unix:' || url?.protocol === 'npipe:') return given.endsWith(socketPath ?? '\0');
  return url !== null && url.hostname === host && (url.port === '' || url.port === String(port));
}
