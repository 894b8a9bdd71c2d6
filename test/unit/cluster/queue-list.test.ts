import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { listQueues } from '../../../src/cluster/queue-list.ts';

test('reads the leader of a stream, which is not in the list of RabbitMQ', async () => {
  const place = { leader: 'rabbit@mq1', members: ['rabbit@mq1'], online: ['rabbit@mq1'] };
  const quorum = { vhost: '/', name: 'tasks', type: 'quorum', ...place };
  const stream = { vhost: 'a/b', name: 'an event', type: 'stream' };
  const answers: Readonly<Record<string, unknown>> = {
    '/api/queues?disable_stats=true&enable_queue_totals=true': [quorum, stream],
    '/api/queues/a%2Fb/an%20event?disable_stats=true': { ...stream, ...place },
  };
  const server = createServer(({ url = '' }, response) => response.end(JSON.stringify(answers[url])));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    assert.equal(await listQueues(nodeAt(`http://127.0.0.1:${port}`), undefined), [quorum, { ...stream, ...place }]);
  } finally {
    server.close();
  }
});

function nodeAt(managementUrl: string): ClusterNode {
  return {
    ...{ host: 'mq1', name: 'rabbit@mq1', containerId: '', containerName: '', image: '', version: '4.3.6', url: '' },
    ...{ managementUrl, webStompUrl: '', prometheusUrl: '', user: 'mq', password: '', network: '', cookie: '' },
    ...{ isStarting: false, labels: {} },
  };
}

test.run();
