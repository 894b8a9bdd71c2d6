// Tests that a connection knows the arguments with which mq declares a queue. It knows no arguments of a queue that mq
// does not declare.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddresses } from '../../src/config/address.ts';
import { rascalSettings } from '../../src/config/rascal-settings.ts';
import { mergeConfigs } from '../../src/config/reading/merge.ts';
import { normalise } from '../../src/config/reading/normalise.ts';
import { openConnection } from '../../src/session/connecting/open-connection.ts';
import { Place } from '../support/embedded.ts';

const file = {
  vhosts: {
    '/': {
      queues: {
        single: { options: { arguments: { 'x-single-active-consumer': true } } },
        plain: {},
        foreign: { assert: false, options: { arguments: { 'x-queue-type': 'quorum' } } },
      },
    },
  },
  subscriptions: {
    single: { vhost: '/', queue: 'single' },
    plain: { vhost: '/', queue: 'plain' },
    foreign: { vhost: '/', queue: 'foreign' },
  },
};

test('a connection knows the arguments of a queue that mq declares', () =>
  Place.with({ port: 0 }, async (place) => {
    const connectionName = 'declared-arguments';
    const connection = await openConnection({
      rascalSettings: rascalSettings(mergeConfigs(normalise({}), normalise(file)), {
        publications: [],
        subscriptions: Object.keys(file.subscriptions),
        addresses: parseAddresses(place.url(), { at: 'the test', code: 'USAGE' }),
        connectionName,
        heartbeatSeconds: 10,
      }),
      connectionName,
      closeTimeoutMs: 5000,
      redact: (text) => text,
    });
    try {
      assert.is(connection.queueOf('single').declaredArguments?.['x-single-active-consumer'], true);
      assert.is(connection.queueOf('plain').declaredArguments?.['x-single-active-consumer'], undefined);
      assert.ok(connection.queueOf('plain').declaredArguments);
      assert.is(connection.queueOf('foreign').declaredArguments, undefined);
    } finally {
      await connection.close();
    }
  }));

test.run();
