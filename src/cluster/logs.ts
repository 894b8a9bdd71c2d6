// What a node has written.

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { ask, type Docker, dockerError } from './docker.ts';
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

/**
 * Each line that the node writes, from its last `lines` on, until it ends or the signal comes. It reads on when `onLine` has
 * resolved, and rejects as that does.
 */
export async function followLogs(
  docker: Docker,
  node: ClusterNode,
  { lines, signal, onLine }: { lines: number; signal: AbortSignal; onLine: (line: string) => Promise<void> },
): Promise<void> {
  const container = docker.container.getById(node.containerId);
  const stream = await ask(`reading the logs of ${node.host}`, () =>
    container.logs({ stdout: true, stderr: true, follow: true, tail: lines }),
  );
  if (stream === undefined || signal.aborted) return;
  const end = () => (stream as unknown as Readable).destroy();
  signal.addEventListener('abort', end, { once: true });
  const decoder = new StringDecoder('utf8');
  let frames = Buffer.alloc(0);
  let text = '';
  const tell = (lines: readonly string[]) => Promise.all(lines.map((line) => onLine(stripVTControlCharacters(line))));
  try {
    for await (const chunk of stream as unknown as AsyncIterable<Buffer>) {
      frames = Buffer.concat([frames, chunk]);
      const { pieces, rest } = unframed(frames);
      frames = Buffer.from(rest);
      const written = (text + decoder.write(Buffer.concat(pieces))).split('\n');
      text = written.pop() ?? '';
      await tell(written);
    }
  } catch (error) {
    if (!signal.aborted) throw dockerError(`reading the logs of ${node.host}`, error);
  } finally {
    signal.removeEventListener('abort', end);
  }
  // A node that is killed may leave a line without an end.
  text += decoder.end();
  if (text !== '') await tell([text]);
}

function withoutFrames(frames: Buffer): string {
  return Buffer.concat(unframed(frames).pieces).toString('utf8');
}

// Docker Engine API, "Attach to a container", stream format: eight bytes before each piece, the last four of them its length.
function unframed(frames: Buffer): { pieces: Buffer[]; rest: Buffer } {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + 8 <= frames.length) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    if (end > frames.length) break;
    pieces.push(frames.subarray(at + 8, end));
    at = end;
  }
  return { pieces, rest: frames.subarray(at) };
}
