// The HTTP server of --metrics: /metrics for Prometheus, /healthz and /readyz for supervisors.

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { MqError, systemReason } from '../errors.ts';
import type { Counts } from '../session/counts.ts';
import { time } from '../time.ts';
import { type Readiness, readiness } from './health.ts';
import { metricsText, metricsType } from './metrics.ts';

export interface ObservedRole {
  readonly name: string;
  /** `false` for a role that sends. */
  readonly isConsuming: boolean;
  readonly counts: Counts;
  /** Returns `true` after a signal has asked the role to stop. */
  readonly isStopping: () => boolean;
}

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves until it is closed. Port 0 selects a free port. Throws SYSTEM if the address is not available. */
export async function serveMetrics(
  role: ObservedRole,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  const pages = pagesOf(role, lag);
  const timeouts = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 };
  const server = createServer(timeouts, ({ method, url = '' }, response) => {
    const path = url.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) answer(response, 404, `not found; the pages are ${Object.keys(pages).join(', ')}\n`);
    else if (method !== 'GET' && method !== 'HEAD') answer(response, 405, 'GET\n');
    else page(response);
  });
  dropIdle(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(unavailable(error, `${host}:${port}`)));
    server.listen({ host, port }, resolve);
  });
  server.on('error', () => undefined);
  server.unref();
  lag.enable();
  const bound = server.address();
  const ownPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${ownPort}`,
    close: async () => {
      lag.disable();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

type Page = (response: ServerResponse) => void;

/** Returns the page of each path. */
function pagesOf(role: ObservedRole, lag: ReturnType<typeof monitorEventLoopDelay>): Readonly<Record<string, Page>> {
  const { name, counts, isConsuming, isStopping } = role;
  const startedAt = time.date() / 1000;
  const ready = (): Readiness => readiness(counts, { isConsuming, isStopping: isStopping() });
  const metrics = (): string => {
    // `max` is NaN or 0 before the first event-loop turn. Every value includes the resolution of 10 ms.
    const eventLoopLag = Math.max(0, (lag.max || 0) / 1e9 - 0.01);
    lag.reset();
    const heapBytes = getHeapStatistics().used_heap_size;
    return metricsText(counts, { role: name, isReady: ready().isReady, startedAt, eventLoopLag, heapBytes });
  };
  return {
    '/metrics': (response) => answer(response, 200, metrics(), metricsType),
    '/healthz': (response) => answer(response, 200, 'ok\n'),
    '/readyz': (response) => {
      const { isReady, why } = ready();
      answer(response, isReady ? 200 : 503, `${why}\n`);
    },
  };
}

/** Maximum number of idle connections, so that idle clients cannot block a probe. */
const idleLimit = 64;

/** If there are too many idle connections, closes the one that has been idle for the longest time. */
function dropIdle(server: Server): void {
  const idle = new Set<Socket>();
  const add = (socket: Socket) => {
    if (socket.destroyed) return;
    idle.add(socket);
    const [oldest] = idle;
    if (idle.size > idleLimit) oldest?.destroy();
  };
  server.on('connection', (socket) => {
    socket.once('close', () => idle.delete(socket));
    add(socket);
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.once('close', () => add(socket));
  });
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET' }),
  });
  response.end(text);
}

function unavailable(error: NodeJS.ErrnoException, address: string): MqError {
  return new MqError('SYSTEM', `cannot serve metrics on ${address}: ${systemReason(error)}`, {
    hint: 'name another port with --metrics, or 0 for a free port',
    cause: error,
  });
}
