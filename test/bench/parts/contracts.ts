// Measures the check of a body of 1 KB with a schema, in microseconds of processor time. Parsing it as JSON is a part of the check.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDocuments } from '../../../src/contracts/documents.ts';
import { compiled } from '../../../src/contracts/schemas.ts';
import { median } from '../measure.ts';
import { say } from '../table.ts';
import { configured, type Settings } from './node.ts';

const schema = {
  type: 'object',
  required: ['id', 'total', 'lines'],
  properties: {
    id: { type: 'string', pattern: '^[a-z0-9-]+$', maxLength: 40 },
    total: { type: 'number', minimum: 0 },
    state: { enum: ['new', 'paid', 'sent'] },
    to: { $ref: '#/$defs/address' },
    lines: { type: 'array', maxItems: 100, items: { $ref: '#/$defs/line' } },
  },
  additionalProperties: false,
  $defs: {
    address: { type: 'object', required: ['zip'], properties: { zip: { type: 'string', maxLength: 10 } } },
    line: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' }, count: { minimum: 1 } } },
  },
};
const lines = Array.from({ length: 30 }, (_, index) => ({ sku: `sku-${index}-abc`, count: index + 1 }));
const order = { id: 'order-7', total: 12.5, state: 'new', to: { zip: '12345', street: 'x'.repeat(40) }, lines };
const checks = 20_000;

export async function contracts({ runs }: Settings): Promise<void> {
  const folder = configured('bench-contracts', 'classic');
  writeFileSync(join(folder, 'order.json'), JSON.stringify(schema));
  const documents = await readDocuments(['order.json'], folder);
  const { compiler } = compiled(documents);
  const { bodyFault } = compiler!.validator(documents.named.get('order.json')!.uri);
  const body = Buffer.from(JSON.stringify(order));
  const parse = microseconds(runs, () => JSON.parse(body.toString()));
  const check = microseconds(runs, () => {
    if (bodyFault(body) !== undefined) throw new Error('the body does not match');
  });
  say(`\ncontracts: µs of processor time for a body of ${body.length} bytes`);
  say(`  check with a schema ${check.toFixed(1).padStart(10)}`);
  say(`  JSON.parse alone    ${parse.toFixed(1).padStart(10)}`);
}

/** Returns the median over the rounds. The first round warms up. */
function microseconds(rounds: number, run: () => void): number {
  const round = () => {
    const { user: before } = process.cpuUsage();
    for (let index = 0; index < checks; index++) run();
    return (process.cpuUsage().user - before) / checks;
  };
  round();
  return median(Array.from({ length: rounds }, round));
}
