import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseOffset, parseOffsetArgument } from '../../../src/config/stream-offset.ts';

const now = Date.parse('2026-12-01T08:00:00Z');
const secondsOf = (text: string) => ({ '!': 'timestamp', value: Date.parse(text) / 1000 });

for (const [text, offset] of [
  ['first', 'first'],
  ['last', 'last'],
  ['next', 'next'],
  ['0', 0],
  ['9007199254740991', 9_007_199_254_740_991],
  ['10m', secondsOf('2026-12-01T07:50:00Z')],
  ['90s', secondsOf('2026-12-01T07:58:30Z')],
  ['7d', secondsOf('2026-11-24T08:00:00Z')],
  ['7D', secondsOf('2026-11-24T08:00:00Z')],
  ['2026-12-01T08:00Z', secondsOf('2026-12-01T08:00:00Z')],
  ['2026-12-01T09:00:00.5+01:00', secondsOf('2026-12-01T08:00:00Z')],
  ['2028-02-29 23:30-01:00', secondsOf('2028-03-01T00:30:00Z')],
  ['2026-12-01t08:00z', secondsOf('2026-12-01T08:00:00Z')],
] as const) {
  test(`accepts ${text} as an offset of a stream`, () => {
    assert.equal(parseOffset(text, now), { offset });
  });
}

for (const [text, part] of [
  ['-1', 'not negative'],
  ['-5m', 'not negative'],
  ['9007199254740992', 'the highest offset'],
  ['99999999999999999999', 'the highest offset'],
  ['', 'an offset is'],
  ['First', 'an offset is'],
  ['1.5', 'an offset is'],
  ['1e3', 'an offset is'],
  ['10x', 'an offset is'],
  ['10M', 'months'],
  ['10y', 'an offset is'],
  ['2026-12-01', 'a time zone'],
  ['2026-12-01T08:00:00', 'a time zone'],
  ['2026-13-01T08:00:00Z', 'a time zone'],
  ['2027-02-30T00:00:00Z', 'a time zone'],
  ['2027-02-29 00:00+05:00', 'a time zone'],
  ['2027-04-30T24:00Z', 'a time zone'],
  ['99999d', 'before 1970'],
] as const) {
  test(`refuses '${text}' as an offset of a stream`, () => {
    const parsed = parseOffset(text, now);
    assert.match('problem' in parsed ? parsed.problem : '', part);
  });
}

for (const [value, part] of [
  [-1, 'not negative'],
  [1.5, 'a whole number'],
  [2 ** 60, 'the highest offset'],
  [true, 'an offset is'],
  [{ '!': 'timestamp', value: -1 }, 'an offset is'],
  [{ value: 1 }, 'an offset is'],
] as const) {
  test(`refuses ${JSON.stringify(value)} as x-stream-offset`, () => {
    const parsed = parseOffsetArgument(value, now);
    assert.match('problem' in parsed ? parsed.problem : '', part);
  });
}

test('accepts a number and a timestamp as x-stream-offset', () => {
  assert.equal(parseOffsetArgument(40), { offset: 40 });
  const timestamp = { '!': 'timestamp', value: 1 };
  assert.equal(parseOffsetArgument(timestamp), { offset: timestamp });
});

test.run();
