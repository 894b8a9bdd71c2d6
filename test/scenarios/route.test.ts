// Compares the route that mq computes with where messages arrive, in random topologies. MQ_ROUTE_TOPOLOGIES and MQ_ROUTE_SEED
// set their number and their seed.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { liveTopology } from '../../src/topology/live.ts';
import { countOf, randomOf, seedOf } from '../support/random.ts';
import { runTrial } from '../support/route-trial.ts';
import { testBroker, testVhost } from '../support/vhost.ts';

// Declarations are slow on a cluster, because a majority stores them.
const topologies = countOf('MQ_ROUTE_TOPOLOGIES', testBroker().cluster === undefined ? 400 : 20);
const seed = seedOf('MQ_ROUTE_SEED');

test(`messages arrive where mq route predicts, in ${topologies} topologies`, async () => {
  const vhost = await testVhost();
  const connection = await connect(vhost.urls[0] ?? '');
  try {
    const { differences, messages, unrouted, letters } = await runTrial({
      connection,
      read: () => liveTopology((list, columns) => vhost.api('GET', `/api/${list}/${vhost.name}?columns=${columns}`)),
      random: randomOf(seed),
      topologies,
      messages: 25,
    });
    assert.equal(differences.slice(0, 5), [], `seed ${seed}`);
    assert.ok(messages === topologies * 25 && unrouted > 0 && letters > 0);
  } finally {
    await connection.close();
    await vhost.remove();
  }
});

test.run();
