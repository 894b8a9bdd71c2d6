// Tests the options --chaos and --chaos-seed, and the commands that repeat a failure.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Values } from '../../../../../src/cli/arguments/values.ts';
import { chaosNote, chaosOptions, chaosPlanOf, unreachedNote } from '../../../../../src/cli/commands/test/chaos.ts';

test('--chaos uses the seeds from 1, and --chaos-seed only one', () => {
  assert.is(planOf({}), undefined);
  assert.equal(planOf({ chaos: ['4'] })?.seeds, [1, 2, 3, 4]);
  assert.equal(planOf({ 'chaos-seed': ['7'] })?.seeds, [7]);
  assert.equal(planOf({ chaos: ['4'], 'chaos-seed': ['7'] })?.seeds, [7]);
});

test('the note names the seeds', () => {
  assert.match(chaosNote({ seeds: [1, 2, 3], options: [] }), /^chaos with seeds 1 to 3: redelivery, /);
  assert.match(chaosNote({ seeds: [7], options: [] }), /^chaos with seed 7: /);
});

test('the command that repeats a failure is quoted for a shell', () => {
  const plan = planOf({ chaos: ['1'], config: ['my config.json'], timeout: ['5s'] });
  const { commandOf } = chaosOptions(plan ?? { seeds: [], options: [] }, { cwd: '/work' });
  const at = { file: '/work/a.test.ts', seed: 3 };
  assert.is(
    commandOf({ ...at, test: 'an order' }),
    'mq test a.test.ts --config "my config.json" --timeout 5s -t "an order" --chaos-seed 3',
  );
  assert.match(commandOf({ ...at, test: "it's $5" }), / -t 'it'\\''s \$5' /);
  assert.is(commandOf(at), 'mq test a.test.ts --config "my config.json" --timeout 5s --chaos-seed 3');
});

test('the note about tests without faults names the first of them', () => {
  assert.is(
    unreachedNote('a.test.ts', ['adds', 'subtracts', 'divides']),
    'a.test.ts: no fault reached "adds" and 2 more: no role received or published a message',
  );
});

function planOf(options: Readonly<Record<string, readonly string[]>>) {
  return chaosPlanOf(new Values({ command: 'test', args: [], options }));
}

test.run();
