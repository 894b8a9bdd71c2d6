// What a node has written.

import { stripVTControlCharacters } from 'node:util';
import { ask, type Docker } from './docker.ts';
import type { ClusterNode } from './node.ts';

/** The node's output since its first start, or the last `lines` of it. */
export async function nodeLogs(docker: Docker, node: ClusterNode, lines?: number): Promise<string> {
  const container = docker.container.getById(node.containerId);
  const tail = lines === undefined ? {} : { tail: lines };
  const frames = await ask(`reading the logs of ${node.host}`, () =>
    container.logs({ stdout: true, stderr: true, follow: false, ...tail }),
  );
  // RabbitMQ 4.3 ends its lines with a colour even where there is no terminal.
  return frames === undefined ? '' : stripVTControlCharacters(withoutFrames(frames));
}

// Docker Engine API, "Attach to a container", stream format: eight bytes before each piece, the last four of them its length.
function withoutFrames(frames: Buffer): string {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + 8 <= frames.length) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    pieces.push(frames.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(pieces).toString('utf8');
}
