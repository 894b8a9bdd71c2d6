// Closes a session while it connects: no connection may remain.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddresses } from '../../src/config/address.ts';
import { builtinConfig } from '../../src/config/load.ts';
import { newCounts } from '../../src/session/counts.ts';
import { Session } from '../../src/session/session.ts';
import { Place } from '../support/embedded.ts';
import { until } from '../support/until.ts';

const config = builtinConfig(JSON.parse(readFileSync(resolve(import.meta.dirname, '../../rascal.json'), 'utf8')));

function sessionAt(place: Place): Session {
  return new Session({
    config,
    addresses: parseAddresses(place.url(), { at: 'the test', code: 'USAGE' }),
    role: 'close',
    confirmTimeoutMs: 60_000,
    say: () => undefined,
    counts: newCounts(),
  });
}

test('closes a connection that opens after the close of its session', () =>
  Place.with({ port: 0 }, async (place) => {
    const session = sessionAt(place);
    const opening = session.consumer('task', { prefetch: 1 }).catch((error: { code: string }) => error.code);
    await session.close();
    assert.is(await opening, 'UNAVAILABLE');
    await until('no connection is left', () => place.broker.connections.size === 0);
  }));

test.run();
