import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { refuseMirroring } from '../../../../src/admin/actions/mirroring.ts';
import { failure } from '../../../support/failure.ts';

test('refuses a policy of mirrored queues and lists the replacements', () => {
  const { code, problems, hint } = failure(() =>
    refuseMirroring({ 'ha-mode': 'exactly', 'ha-params': 2, 'max-length': 5 }, { name: 'ha', pattern: '^o' }),
  );
  assert.is(code, 'BAD_DATA');
  assert.is(
    problems[0],
    'ha-mode: queues that are replicated from their start: mq admin create queue NAME --type quorum --argument x-quorum-initial-group-size=3',
  );
  assert.is(problems.length, 2);
  assert.is(hint, `and for the rest: mq admin set policy 'ha' '^o' '{"max-length":5}' --apply-to quorum_queues`);
  const five = failure(() => refuseMirroring({ 'ha-mode': 'exactly', 'ha-params': 4 }, { name: 'p', pattern: '' }));
  assert.match(five.problems[0] ?? '', /x-quorum-initial-group-size=5$/);
  for (const other of [{ 'max-length': 5 }, { 'queue-master-locator': 'min-masters' }])
    assert.is(refuseMirroring(other, { name: 'p', pattern: '' }), undefined);
});

test.run();
