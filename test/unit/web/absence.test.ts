import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rememberAbsent } from '../../../src/web/absence.ts';

test('checks a missing name at most every 15 seconds, and finds it later', async () => {
  let time = 0;
  let isThere = false;
  const asked: number[] = [];
  const has = rememberAbsent(
    async () => {
      asked.push(time);
      return isThere;
    },
    () => time,
  );
  for (; time < 60_000; time += 100) assert.is(await has('later'), false);
  assert.equal(asked, [0, 900, 2700, 6300, 13_500, 27_900, 42_900, 57_900]);
  isThere = true;
  time += 15_000;
  assert.is(await has('later'), true);
  isThere = false;
  assert.is(await has('later'), false, 'an existing name is checked each time');
});

test('forgets the oldest name first', async () => {
  const asked: string[] = [];
  const has = rememberAbsent(
    async (name) => {
      asked.push(name);
      return false;
    },
    () => 0,
  );
  for (let number = 0; number <= 1000; number += 1) await has(`name ${number}`);
  asked.length = 0;
  for (const name of ['name 1000', 'name 1', 'name 0']) await has(name);
  assert.equal(asked, ['name 0']);
});

test.run();
