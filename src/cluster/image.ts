// The image the nodes are made from: here already, or pulled.

import { MqError } from '../errors.ts';
import { type Docker, dockerError } from './docker.ts';
import { testcontainers } from './testcontainers.ts';

/** Makes sure that the engine has the image. Those named `mq-…` are made by test/setup; others are pulled. Throws SYSTEM when there is none. */
export async function needImage(docker: Docker, image: string): Promise<void> {
  const { ImageName } = await testcontainers();
  const name = ImageName.fromString(image);
  const isHere = () => docker.image.exists(name);
  const isOurs = name.image.startsWith('mq-');
  try {
    if (await isHere()) return;
    if (!isOurs) await docker.image.pull(name);
  } catch (error) {
    throw dockerError(`no image ${image}`, error);
  }
  // A pull that failed half-way says so only in its output, which testcontainers does not read.
  if (isOurs || !(await isHere())) {
    const hint = isOurs ? 'run test/setup, which makes it' : `docker pull ${image} says why`;
    throw new MqError('SYSTEM', `no image ${image}`, { hint });
  }
}
