// Checks the hint of a step that fails: only an error that a second run can overcome asks for one.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runSteps } from '../../../src/apply/engine.ts';
import type { Step } from '../../../src/apply/step.ts';
import { type ErrorCode, MqError } from '../../../src/errors.ts';

const again = 'run mq apply again to finish';
const changed = 'mq plan shows how the broker differs now';

async function hintAfter(code: ErrorCode, action: Step['action'], hint?: string): Promise<string | undefined> {
  const place = { vhost: '/', name: '/' };
  const step: Step = {
    ...{ stage: 'queue', action, place, object: { kind: 'queue', name: 'q' } },
    run: () => Promise.reject(new MqError(code, 'failed', hint === undefined ? {} : { hint })),
  };
  const open = async () => ({ ...place }) as never;
  const none = () => undefined;
  try {
    await runSteps([step], { open, signal: new AbortController().signal, onStart: none, onDone: none });
  } catch (error) {
    return (error as MqError).hint;
  }
  throw new Error('the step did not fail');
}

test('only an error that may pass asks for a second run', async () => {
  for (const code of ['UNAVAILABLE', 'DEADLINE', 'REFUSED', 'IN_DOUBT', 'TERMINATED'] as const)
    assert.is(await hintAfter(code, 'create'), again, code);
  for (const code of ['BAD_DATA', 'NOT_PERMITTED', 'CONFIG', 'PROTOCOL', 'TLS'] as const)
    assert.is(await hintAfter(code, 'update'), undefined, code);
  assert.is(await hintAfter('NOT_PERMITTED', 'update', 'own'), 'own');
});

test('only a step that does not replace blames another client', async () => {
  assert.is(await hintAfter('TOPOLOGY', 'create', 'own'), changed);
  assert.is(await hintAfter('TOPOLOGY', 'replace'), undefined);
});

test.run();
