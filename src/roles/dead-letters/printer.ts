// Prints dead letters: as a table on a terminal, as tab-separated values in a pipe, or as JSON.

import { objectOf } from '../../config/plain.ts';
import type { Output } from '../../context.ts';
import { escaped } from '../../errors.ts';
import { messageParts } from '../../handlers/exec-message.ts';
import { taggedFields } from '../../session/tagged-json.ts';
import type { RawMessage } from '../../session/wire.ts';
import { Printer } from '../../terminal/printer.ts';
import { messageOf, utf8 } from '../message.ts';
import { type Cells, type Looks, RowPrinter } from '../rows.ts';
import type { DlqVerb } from '../selection.ts';
import { ageOf, type DeadLetter, deadLetterOf } from './dead-letter.ts';

interface Result {
  readonly verb: DlqVerb;
  readonly queue: string;
  readonly done: number;
  readonly left: number;
  readonly isDry?: boolean;
}

const cells: Cells<DeadLetter> = {
  id: ({ id }) => id,
  reason: ({ reason }) => reason,
  attempts: ({ attempts }) => attempts,
  first_failed: ({ first }) => first,
  last_failed: ({ last }) => last,
  bytes: ({ size }) => size,
  exchange: ({ exchange }) => exchange,
  key: ({ routingKey }) => routingKey,
  tries: ({ attempts }) => attempts,
  age: ({ last }) => (last === undefined ? undefined : ageOf(last)),
};
const all = ['id', 'reason', 'attempts', 'first_failed', 'last_failed', 'bytes', 'exchange', 'key'];
/** Columns that fit on a terminal of the usual width. */
const few = ['id', 'reason', 'tries', 'age', 'key'];
const wide = 150;

const past = {
  list: 'listed',
  show: 'shown',
  replay: 'replayed',
  move: 'moved',
  edit: 'edited and replayed',
  purge: 'deleted',
};

export class LetterPrinter {
  readonly #printer: Printer;
  readonly #looks: Looks;
  readonly #rows: RowPrinter<DeadLetter>;

  constructor(stdout: Output, looks: Looks) {
    this.#printer = new Printer(stdout);
    this.#looks = looks;
    this.#rows = new RowPrinter(stdout, {
      ...looks,
      cells,
      columns: (width = wide) => (width >= wide ? all : few),
      jsonOf: taggedFields,
    });
  }

  /** Prints one letter. On a terminal it is printed together with others, at the latest by `end`. */
  line(raw: RawMessage): Promise<void> {
    return this.#rows.line(deadLetterOf(raw));
  }

  /** Prints the letters that are not printed yet, or only the column names if there were no letters. */
  end(): Promise<void> {
    return this.#rows.end();
  }

  /** Prints a whole message. `queue` is the queue that contains it. */
  async whole(raw: RawMessage, queue: string): Promise<void> {
    const letter = deadLetterOf(raw);
    const { body, encoding, fields, properties, headers } = messageParts(messageOf(raw, queue));
    if (this.#looks.json)
      return this.#printer.json({ ...taggedFields(letter), body, encoding, fields, properties, headers });
    const facts = Object.entries({ ...letter, ...objectOf(properties) });
    const named = Object.entries(objectOf(headers)).map(([name, value]) => [`header ${name}`, value] as const);
    for (const [name, value] of [...facts, ...named]) {
      if (value !== undefined)
        await this.#text(`${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
    }
    await this.#text('');
    return utf8(raw.content) === undefined ? this.#text(`(base64) ${body}`) : this.#printer.body(raw.content);
  }

  result({ verb, queue, done, left, isDry = false }: Result): Promise<void> {
    if (this.#looks.json) return this.#printer.json({ action: verb, queue, done, left, dryRun: isDry });
    const what = `${done} ${done === 1 ? 'message' : 'messages'}`;
    return this.#text(`${isDry ? `would have ${past[verb]}` : past[verb]} ${what} of ${queue}, ${left} left`);
  }

  #text(text: string): Promise<void> {
    return this.#printer.body(Buffer.from(escaped(text)));
  }
}
