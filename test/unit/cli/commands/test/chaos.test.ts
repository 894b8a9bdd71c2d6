// Tests the options --chaos and --chaos-seed, and the commands that repeat a failure.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Values } from '../../../../../src/cli/arguments/values.ts';
import { chaosNote, chaosOptions, chaosPlanOf, unreachedNotes } from '../../../../../src/cli/commands/test/chaos.ts';

test('--chaos uses the seeds from 1, and --chaos-seed only one', () => {
  assert.is(planOf({}), undefined);
  assert.equal(planOf({ chaos: ['4'] })?.seeds, [1, 2, 3, 4]);
  assert.equal(planOf({ 'chaos-seed': ['7'] })?.seeds, [7]);
  assert.throws(() => planOf({ chaos: ['4'], 'chaos-seed': ['7'] }), /cannot be used together/);
});

test('the note names the seeds', () => {
  assert.match(chaosNote({ seeds: [1, 2, 3], options: [] }), /^chaos with seeds 1 to 3: redelivery, /);
  assert.match(chaosNote({ seeds: [7], options: [] }), /^chaos with seed 7: /);
});

test('the command that repeats a failure is quoted for a shell', () => {
  const plan = planOf({ chaos: ['1'], config: ['my config.json'], timeout: ['5s'] });
  const { commandOf } = chaosOptions(plan ?? { seeds: [], options: [] }, { cwd: '/project' });
  const at = { file: '/project/a.test.ts', seed: 3 };
  assert.is(
    commandOf({ ...at, test: 'an order' }),
    'mq test a.test.ts --config "my config.json" --timeout 5s -t "an order" --chaos-seed 3',
  );
  assert.match(commandOf({ ...at, test: "it's $5" }), / -t 'it'\\''s \$5' /);
  assert.is(commandOf(at), 'mq test a.test.ts --config "my config.json" --timeout 5s --chaos-seed 3');
});

test('a failure without a test is repeated with the filter of the run', () => {
  const plan = planOf({ chaos: ['1'], filter: ['an order'] });
  const { commandOf } = chaosOptions(plan ?? { seeds: [], options: [] }, { cwd: '/project' });
  const at = { file: '/project/a.test.ts', seed: 3 };
  assert.is(commandOf(at), 'mq test a.test.ts -t "an order" --chaos-seed 3');
  assert.is(commandOf({ ...at, test: 'an order is paid' }), 'mq test a.test.ts -t "an order is paid" --chaos-seed 3');
});

test('the notes about tests without faults name the first of them', () => {
  const unreached = [
    { test: 'adds', isReachable: false },
    { test: 'sends', isReachable: true },
    { test: 'divides', isReachable: false },
  ];
  const reason = 'no role or client published a message, or acknowledged one of a classic or quorum queue';
  assert.equal(unreachedNotes('a.test.ts', unreached, { seeds: [2] }), [
    `a.test.ts: no fault reached "adds" and 1 more: ${reason}`,
    'a.test.ts: no fault reached "sends": this seed causes no fault for it; try other seeds (--chaos-seed)',
  ]);
  const [note] = unreachedNotes('a.test.ts', unreached.slice(1, 2), { seeds: [1, 2] });
  assert.match(note ?? '', /: these seeds cause no fault for it; try other seeds/);
});

function planOf(options: Readonly<Record<string, readonly string[]>>) {
  return chaosPlanOf(new Values({ command: 'test', args: [], options }));
}

test.run();
