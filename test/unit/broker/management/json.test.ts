// Tests the JSON form of values that a JavaScript number cannot represent.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeProperties, encodeProperties } from '../../../../src/broker/codec/properties.ts';
import { Timestamp } from '../../../../src/broker/codec/table.ts';
import { jsonProperties } from '../../../../src/broker/management/resources/properties.ts';

test('prints timestamps and 64-bit integers with all digits', () => {
  const values = { timestamp: 2n ** 64n - 1n, headers: { at: new Timestamp(2n ** 63n - 1n), n: -(2n ** 63n) } };
  assert.is(
    JSON.stringify(jsonProperties(decodeProperties(encodeProperties(values)))),
    '{"headers":{"at":9223372036854775807,"n":-9223372036854775808},"timestamp":18446744073709551615}',
  );
});

test('prints a current timestamp as a number', () => {
  const { timestamp } = decodeProperties(encodeProperties({ timestamp: 1_700_000_000 }));
  assert.is(timestamp, 1_700_000_000);
});

test.run();
