// Provides the image of the nodes. Pulls it if the engine does not have it.

import { MqError } from '../errors.ts';
import { testcontainers } from './docker/testcontainers.ts';
import { connectDocker, type Docker, dockerError } from './docker.ts';
import { within } from './limit.ts';

/**
 * Returns the name of the image for a version (`4.3`). It is the image that test/setup builds if the engine has it,
 * otherwise the official one. Throws UNAVAILABLE if no engine answers.
 */
export async function imageOf(version: string): Promise<string> {
  const [docker, { ImageName }] = await Promise.all([connectDocker(), testcontainers()]);
  const ours = `mq-rabbitmq:${version}`;
  const isHere = await docker.image.exists(ImageName.fromString(ours)).catch(() => false);
  return isHere ? ours : `rabbitmq:${version}-management`;
}

/**
 * Ensures that the engine has the image. Images named `mq-…` are built by test/setup; others are pulled. Throws SYSTEM
 * if no image is available, UNAVAILABLE if the engine does not answer, and INTERRUPTED at a signal.
 */
export async function needImage(docker: Docker, image: string, signal?: AbortSignal): Promise<void> {
  const { ImageName } = await testcontainers();
  const name = ImageName.fromString(image);
  const isHere = () => docker.image.exists(name);
  const isOurs = name.image.startsWith('mq-');
  try {
    if (await isHere()) return;
    // The engine aborts a pull when its client disconnects.
    if (!isOurs) await within(pullMs, signal, () => docker.image.pull(name));
  } catch (error) {
    if (signal?.aborted) throw new MqError('INTERRUPTED', `pulling ${image}: interrupted`);
    const { code, message } = dockerError(`no image ${image}`, error);
    const hint = `docker pull ${image}, or use --image with a local image (docker images)`;
    throw new MqError(code, message.trim(), { hint, cause: error });
  }
  // A pull that fails halfway reports the failure only in its output, which testcontainers does not read.
  if (isOurs || !(await isHere())) {
    const hint = isOurs ? 'run test/setup, which builds it' : `docker pull ${image} shows the reason`;
    throw new MqError('SYSTEM', `no image ${image}`, { hint });
  }
}

const pullMs = 1_800_000;
