import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isQuantity, withUnit } from '../../../src/terminal/units.ts';

test('chooses the unit by the name of the field', () => {
  for (const [field, value, text] of [
    ['uptime', 2_371_746, '39m 31s'],
    ['uptime', 500, '0s'],
    ['uptime', 90_061_000, '1d 1h'],
    ['mem_used', 145_543_168, '138.8 MiB'],
    ['disk_free', 1023, '1023 B'],
    ['message_bytes_ready', 2 ** 31, '2.0 GiB'],
    ['recv_oct', 0, '0 B'],
    ['message_stats.publish_details.rate', 12.34, '12.3/s'],
    ['messages', 12, undefined],
    ['proc_used', 502, undefined],
    ['mem_used', 'unknown', undefined],
  ] as const) {
    assert.is(withUnit(field, value), text, field);
    if (text !== undefined) assert.ok(isQuantity(text), text);
  }
  assert.match(withUnit('connected_at', 1_700_000_000_000) ?? '', /^2023-11-1\d \d\d:\d\d:20$/);
});

test.run();
