// Counts dead letters by a field, such as the reason or the queue where they died.

import type { Output } from '../../context.ts';
import { taggedFields } from '../../session/tagged-json.ts';
import type { RawMessage } from '../../session/wire.ts';
import { type Cells, type Looks, RowPrinter } from '../rows.ts';
import { fieldOf, letterFacts } from '../selection.ts';
import { ageOf, deadLetterOf } from './dead-letter.ts';

interface Group {
  /** `undefined` for letters without this field. */
  readonly value: string | undefined;
  readonly count: number;
  /** Time of the earliest first failure and of the latest failure in ISO 8601. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** Id of the first letter of the group, as an example. */
  readonly id: string | undefined;
}

const cells: Cells<Group> = {
  count: ({ count }) => count,
  value: ({ value }) => value,
  first_failed: ({ first }) => first,
  last_failed: ({ last }) => last,
  age: ({ last }) => (last === undefined ? undefined : ageOf(last)),
  id: ({ id }) => id,
};
const all = ['count', 'value', 'first_failed', 'last_failed', 'id'];
/** Columns that fit on a terminal of the usual width. */
const few = ['count', 'value', 'age', 'id'];
const wide = 120;

export class Groups {
  readonly #field: string;
  readonly #groups = new Map<string | undefined, Group>();

  constructor(field: string) {
    this.#field = field;
  }

  add(raw: RawMessage): void {
    const { id, first, last } = deadLetterOf(raw);
    const value = fieldOf(raw, this.#field, letterFacts(raw));
    const known = this.#groups.get(value) ?? { value, count: 0, first, last, id };
    this.#groups.set(value, {
      ...known,
      count: known.count + 1,
      first: [known.first, first].filter((one) => one !== undefined).sort()[0],
      last: [known.last, last]
        .filter((one) => one !== undefined)
        .sort()
        .at(-1),
    });
  }

  /** Prints the groups, the largest first. */
  async print(stdout: Output, looks: Looks): Promise<void> {
    const field = this.#field;
    const printer = new RowPrinter<Group>(stdout, {
      ...looks,
      cells,
      columns: (width = wide) => (width >= wide ? all : few),
      jsonOf: (group) => taggedFields({ field, ...group, value: group.value ?? null }),
    });
    for (const group of [...this.#groups.values()].toSorted((one, other) => other.count - one.count))
      await printer.line(group);
    await printer.end();
  }
}
