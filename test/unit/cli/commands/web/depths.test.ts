// Tests how mq web reads depths from a management API. The test itself serves this API.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseManagement } from '../../../../../src/admin/address.ts';
import { Management } from '../../../../../src/admin/client.ts';
import { depthsFrom } from '../../../../../src/cli/commands/web/depths.ts';
import type { Observer } from '../../../../../src/session/observer.ts';
import type { GraphNode } from '../../../../../src/topology/graph.ts';

test('counts the queues of every page of the management API', async () => {
  const items: readonly (readonly { name: string; consumers?: number; [field: string]: unknown }[])[] = [
    [{ name: 'other' }, { name: 'own:1', messages_ready: 1 }],
    [{ name: 'own:2', messages_ready: 2 }],
    [{ name: 'task-queue', type: 'quorum', state: 'running', messages: 7, messages_ready: 4, consumers: 1 }],
  ];
  const asked: string[] = [];
  const patterns: string[] = [];
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/api/exchanges/')) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ name: '' }, { name: 'logs' }]));
      return;
    }
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    patterns.push(searchParams.get('name') ?? '');
    const page = Number(searchParams.get('page'));
    const isExact = searchParams.get('disable_stats') === 'true';
    const shown = items[page - 1]?.map(({ consumers, ...one }) => ({
      vhost: '/',
      ...one,
      ...(!isExact && { consumers }),
    }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: shown ?? [], page, page_count: items.length }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const addresses = parseManagement(`http://guest:guest@127.0.0.1:${port}`, {
      at: '',
      login: { user: '', password: '' },
    });
    const nodes = [
      { id: 'e:logs', kind: 'exchange', brokerName: 'logs' },
      { id: 'e:later', kind: 'exchange', brokerName: 'later' },
      { id: 'q:task-queue', kind: 'queue', brokerName: 'task-queue', isOwn: false },
      { id: 'q:later', kind: 'queue', brokerName: 'later.x', isOwn: false },
      { id: 'q:own', kind: 'queue', brokerName: 'own', isOwn: true },
    ] as unknown as GraphNode[];
    const depths = depthsFrom({
      graph: { nodes, edges: [] } as unknown as Parameters<typeof depthsFrom>[0]['graph'],
      vhost: '/',
      management: new Management({ addresses }),
      observer: {
        depths: async (queues: readonly string[]) => {
          asked.push(...queues);
          return new Map([['task-queue', { ready: 9, consumers: 2 }]]);
        },
      } as unknown as Observer,
    });
    assert.equal(await depths(), {
      from: 'management',
      management: `http://127.0.0.1:${port}`,
      missing: ['e:later', 'q:later'],
      queues: {
        'q:task-queue': { ready: 9, unacked: 0, consumers: 2, held: 3 },
        'q:own': { ready: 3, unacked: 0, consumers: 0, count: 2 },
      },
    });
    assert.equal(asked, ['task-queue']);
    // RabbitMQ uses PCRE. mq broker uses JavaScript expressions with the flag u, in which \- is an error.
    assert.is(patterns[0], '^(task-queue|later\\.x|own)(:|$)');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
