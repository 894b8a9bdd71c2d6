// Checks which items are declared, checked or used after the broker refuses them.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectOf } from '../../../../src/config/plain.ts';
import type { RascalSettings } from '../../../../src/config/rascal-settings.ts';
import { MqError } from '../../../../src/errors.ts';
import { openExisting } from '../../../../src/session/declaring/existing.ts';

const refused = new MqError(
  'NOT_PERMITTED',
  "the broker refused: configure access to queue 'q' in vhost '/' refused for user 'u'",
);

/** Returns the modes of the queue in all attempts. The broker refuses the first `refusals` attempts. */
async function modesOf(queue: object, refusals: number): Promise<unknown[]> {
  const settings: RascalSettings = { vhosts: { '/': { connections: [], exchanges: {}, queues: { q: queue } } } };
  const modes: unknown[] = [];
  await openExisting(settings, async ({ vhosts }) => {
    const { assert: isDeclared, check } = objectOf(objectOf(vhosts['/']?.['queues'])['q']);
    modes.push(isDeclared !== false ? 'declare' : check === true ? 'check' : 'use');
    if (modes.length <= refusals) throw refused;
  });
  return modes;
}

test('checks a queue that it may not declare, and else uses it', async () => {
  assert.equal(await modesOf({}, 0), ['declare']);
  assert.equal(await modesOf({}, 1), ['declare', 'check']);
  assert.equal(await modesOf({}, 2), ['declare', 'check', 'use']);
});

test('uses a queue at once if a role that declares nothing may not check it', async () => {
  assert.equal(await modesOf({ assert: false, check: true }, 0), ['check']);
  assert.equal(await modesOf({ assert: false, check: true }, 1), ['check', 'use']);
});

test('throws a refusal that remains', async () => {
  const error = await modesOf({}, 3).catch((thrown: unknown) => thrown);
  assert.is(error, refused);
});

test.run();
