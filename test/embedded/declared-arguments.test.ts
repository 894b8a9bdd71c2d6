// What a link knows of the arguments of a queue: those that it is declared with, and nothing of one that is not declared.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddresses } from '../../src/config/address.ts';
import { rascalConfig } from '../../src/config/rascal-settings.ts';
import { mergeConfigs } from '../../src/config/reading/merge.ts';
import { normalise } from '../../src/config/reading/normalise.ts';
import { openConnection } from '../../src/session/connecting/broker-connection.ts';
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

test('the arguments of a queue are known where it is declared', () =>
  Place.with({ port: 0 }, async (place) => {
    const connectionName = 'declared-arguments';
    const link = await openConnection({
      rascalConfig: rascalConfig(mergeConfigs(normalise({}), normalise(file)), {
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
      assert.is(link.declaredArguments('single')?.['x-single-active-consumer'], true);
      assert.is(link.declaredArguments('plain')?.['x-single-active-consumer'], undefined);
      assert.ok(link.declaredArguments('plain'));
      assert.is(link.declaredArguments('foreign'), undefined);
    } finally {
      await link.close();
    }
  }));

test.run();
