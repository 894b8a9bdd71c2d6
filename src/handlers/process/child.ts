// Runs one child process in a process group of its own: starts it, writes its input, reads its output and stops it.
// exec.ts interprets the exit status. No function in this file throws.

import { Writable } from 'node:stream';
import type { Spawn } from '../../context.ts';
import type { ChildEnd } from './child-end.ts';
import { DescriptorOutput } from './descriptor-output.ts';
import { GroupKiller, type KillPlan } from './group-killer.ts';
import { type OnChunk, OutputReader, type ProcessOutput } from './output-reader.ts';
import type { PosixSpawn, ProcessPlan } from './posix-spawn.ts';
import { closeStreams, exitOf, spawned } from './streams.ts';

interface ChildPlan extends KillPlan, ProcessPlan {
  /** Receives a chunk. If it returns a promise, reading pauses until it settles. The promise never rejects. */
  readonly onStdout: OnChunk;
  readonly onStderr: OnChunk;
  readonly spawn: Spawn;
  /** Starts the process with less processor time. If it is absent or fails, `spawn` starts the process. */
  readonly posixSpawn: PosixSpawn | undefined;
  readonly stdin: Buffer;
  readonly descriptor3: Buffer;
}

export interface RunningChild {
  /** Resolves when the child has ended and its output is read. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Sends SIGTERM to the group, and SIGKILL after the grace time. */
  stop(): void;
  /** Sends SIGKILL to the group. */
  killNow(): void;
}

/** A process that has started. */
interface Started {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly end: Promise<ChildEnd>;
  /** The streams that still write its input. */
  readonly inputs: readonly Writable[];
  readonly outputs: readonly ProcessOutput[];
}

/** Starts a child and reads its output. Does not wait for grandchildren that keep the output open. */
export function runChild(plan: ChildPlan): RunningChild {
  const started = startFast(plan) ?? start(plan);
  if (started instanceof Promise) return { ended: started, stop: ignore, killNow: ignore };
  const killer = new GroupKiller(started.pid, plan);
  return { ended: finish(started, killer), stop: () => killer.stop(), killNow: () => killer.killNow() };
}

async function finish({ end, inputs, outputs }: Started, killer: GroupKiller): Promise<ChildEnd> {
  const reached = await end;
  for (const input of inputs) input.destroy();
  const wasStopped = await killer.finish(outputs);
  await Promise.all(outputs.map((output) => output.finish()));
  return wasStopped ? { type: 'stopped' } : reached;
}

/** Starts the child by `posix_spawn`. Returns `undefined` if that fails: then `start` finds the reason. */
function startFast(plan: ChildPlan): Started | undefined {
  const started = plan.posixSpawn?.start(plan);
  if (started === undefined) return undefined;
  const { pid, end, stdin, stdout, stderr, descriptor3 } = started;
  const inputs = [stdin, descriptor3].filter((input) => input !== undefined);
  for (const input of inputs) input.on('error', ignore);
  const outputs = [new DescriptorOutput(stdout, plan.onStdout), new DescriptorOutput(stderr, plan.onStderr)];
  return { pid, end, inputs, outputs };
}

/** Starts the child by `spawn`. Returns its end if it did not start. */
function start(plan: ChildPlan): Started | Promise<ChildEnd> {
  const env = { ...plan.env, ...plan.variables };
  const child = spawned(plan.spawn, [plan.file, ...plan.args], {
    cwd: plan.cwd,
    env,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  if (child instanceof Error) return Promise.resolve({ type: 'not started', error: child });
  const end = exitOf(child);
  const { pid, stdin, stdout, stderr } = child;
  const descriptor3 = child.stdio?.[3];
  if (pid === undefined || !stdin || !stdout || !stderr || !(descriptor3 instanceof Writable)) {
    closeStreams([stdin, stdout, stderr, descriptor3]);
    return end;
  }
  feed(stdin, plan.stdin);
  feed(descriptor3, plan.descriptor3);
  const outputs = [new OutputReader(stdout, plan.onStdout), new OutputReader(stderr, plan.onStderr)];
  return { pid, end, inputs: [stdin, descriptor3], outputs };
}

/** Writes the input. A child may exit without reading it; the resulting pipe error is not a failure. */
function feed(stream: Writable, bytes: Buffer): void {
  stream.on('error', ignore);
  stream.end(bytes);
}

function ignore(): void {}
