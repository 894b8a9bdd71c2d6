// The memory of the node by RabbitMQ's categories, because monitoring tools expect all of them.

import { readFile } from 'node:fs/promises';
import { getHeapCodeStatistics, getHeapStatistics } from 'node:v8';
import { notFound } from '../refusal.ts';
import { type ApiResponse, type Call, ok, type Route } from '../route.ts';
import { nodeName } from './node.ts';

const role = 'monitoring';

export const nodeMemoryRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/:node/memory', role, handle: memory },
  { method: 'GET', path: '/nodes/:node/memory/relative', role, handle: relativeMemory },
];

/** RabbitMQ's categories that this broker does not have. They are reported as 0. */
const absent = [
  ...['connection_readers', 'connection_writers', 'connection_channels', 'connection_other', 'stream_queue_procs'],
  ...['stream_queue_replica_reader_procs', 'stream_queue_coordinator_procs', 'quorum_queue_procs'],
  ...['quorum_queue_dlx_procs', 'plugins', 'metadata_store', 'metrics', 'mgmt_db', 'mnesia', 'quorum_ets'],
  ...['metadata_store_ets', 'other_ets', 'msg_index', 'atom', 'allocated_unused'],
];

async function memory(call: Call): Promise<ApiResponse> {
  const { parts, total, rss } = await breakdown(call);
  return ok({ memory: { ...parts, strategy: 'rss', total: { erlang: total, rss, allocated: total } } });
}

async function relativeMemory(call: Call): Promise<ApiResponse> {
  const { parts, rss } = await breakdown(call);
  const percentages = Object.entries(parts).map(([name, bytes]) => [name, Math.ceil((100 * bytes) / rss)]);
  return ok({ memory: { total: 100, ...Object.fromEntries(percentages) } });
}

async function breakdown({ broker, param }: Call) {
  if (param('node') !== nodeName) throw notFound();
  const heap = getHeapStatistics();
  const code = getHeapCodeStatistics().bytecode_and_metadata_size;
  const queues = Math.min(broker.memory.usedBytes, heap.used_heap_size + heap.external_memory);
  const total = heap.total_heap_size + heap.external_memory;
  const rss = Math.max(total, await residentBytes());
  const parts: Record<string, number> = {
    ...Object.fromEntries(absent.map((name) => [name, 0])),
    queue_procs: queues,
    binary: Math.max(0, heap.external_memory - queues),
    code,
    other_proc: Math.max(0, heap.used_heap_size - code),
    other_system: heap.total_heap_size - heap.used_heap_size,
    reserved_unallocated: rss - total,
  };
  return { parts, total, rss };
}

/** Resolves to 0 on systems other than Linux. */
async function residentBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
