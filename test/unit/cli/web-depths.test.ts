// The depths of mq web from a management API that this test is.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseManagement } from '../../../src/admin/address.ts';
import { Management } from '../../../src/admin/client.ts';
import { depthsFrom } from '../../../src/cli/web-depths.ts';
import type { Observer } from '../../../src/session/observer.ts';
import type { GraphNode } from '../../../src/topology/graph.ts';

test('the queues of every page of the management API are counted', async () => {
  const items = [
    [{ name: 'other' }, { name: 'own:1', messages_ready: 1 }],
    [{ name: 'own:2', messages_ready: 2 }],
    [{ name: 'task_queue', messages_ready: 4, consumers: 1 }],
  ];
  const server = createServer((request, response) => {
    const page = Number(new URL(request.url ?? '', 'http://localhost').searchParams.get('page'));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: items[page - 1] ?? [], page, page_count: items.length }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const addresses = parseManagement(`http://guest:guest@127.0.0.1:${port}`, {
      at: '',
      login: { user: '', password: '' },
    });
    const nodes = [
      { id: 'q:task_queue', kind: 'queue', brokerName: 'task_queue', isOwn: false },
      { id: 'q:own', kind: 'queue', brokerName: 'own', isOwn: true },
    ] as unknown as GraphNode[];
    const depths = depthsFrom({
      graph: { nodes, edges: [] } as unknown as Parameters<typeof depthsFrom>[0]['graph'],
      broker: { shown: '', vhost: '/', connections: [], nodes: [] },
      management: new Management({ addresses }),
      observer: {} as Observer,
    });
    assert.equal(await depths(), {
      from: 'management',
      queues: {
        'q:task_queue': { ready: 4, unacked: 0, consumers: 1 },
        'q:own': { ready: 3, unacked: 0, consumers: 0, count: 2 },
      },
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
