// How dead letters look: a table on a terminal, values with tabs between them in a pipe, or JSON.

import type { Output } from '../context.ts';
import { escaped } from '../errors.ts';
import { messageParts } from '../handlers/exec-message.ts';
import { taggedFields } from '../session/tagged-json.ts';
import type { RawMessage } from '../session/wire.ts';
import { type DeadLetter, deadLetterOf } from './dead-letter.ts';
import type { DlqVerb } from './dlq.ts';
import { messageOf, utf8 } from './message.ts';
import { Printer } from './printer.ts';

export interface Result {
  readonly verb: DlqVerb;
  readonly queue: string;
  readonly done: number;
  readonly left: number;
  readonly isDry?: boolean;
}

const columns: readonly { title: string; width: number; of: (letter: DeadLetter) => string | number | undefined }[] = [
  { title: 'ID', width: 36, of: ({ id }) => id },
  { title: 'REASON', width: 24, of: ({ reason }) => reason },
  { title: 'ATTEMPTS', width: 8, of: ({ attempts }) => attempts },
  { title: 'FIRST FAILED', width: 24, of: ({ first }) => first },
  { title: 'LAST FAILED', width: 24, of: ({ last }) => last },
  { title: 'BYTES', width: 9, of: ({ size }) => size },
  { title: 'EXCHANGE', width: 12, of: ({ exchange }) => exchange },
  { title: 'KEY', width: 20, of: ({ routingKey }) => routingKey },
];

const past = { list: 'listed', show: 'shown', replay: 'replayed', move: 'moved', purge: 'deleted' };

export class LetterPrinter {
  readonly #printer: Printer;
  readonly #isTable: boolean;
  readonly #isJson: boolean;
  #hasTitle = false;

  constructor(stdout: Output, isJson: boolean) {
    this.#printer = new Printer(stdout);
    this.#isTable = stdout.isTTY === true;
    this.#isJson = isJson;
  }

  async line(raw: RawMessage): Promise<void> {
    const letter = deadLetterOf(raw);
    if (this.#isJson) return this.#printer.json(taggedFields(letter));
    if (this.#isTable && !this.#hasTitle) await this.#row(columns.map(({ title }) => title));
    this.#hasTitle = true;
    return this.#row(columns.map(({ of }) => String(of(letter) ?? '-')));
  }

  /** Everything of a message. `queue`: the one it is in. */
  async whole(raw: RawMessage, queue: string): Promise<void> {
    const letter = deadLetterOf(raw);
    const { body, encoding, fields, properties, headers } = messageParts(messageOf(raw, queue));
    if (this.#isJson)
      return this.#printer.json({ ...taggedFields(letter), body, encoding, fields, properties, headers });
    const facts = Object.entries({ ...letter, ...(properties as object) });
    const named = Object.entries(headers as object).map(([name, value]) => [`header ${name}`, value] as const);
    for (const [name, value] of [...facts, ...named]) {
      if (value !== undefined)
        await this.#text(`${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
    }
    await this.#text('');
    return utf8(raw.content) === undefined ? this.#text(`(base64) ${body}`) : this.#printer.body(raw.content);
  }

  result({ verb, queue, done, left, isDry = false }: Result): Promise<void> {
    if (this.#isJson) return this.#printer.json({ action: verb, queue, done, left, dryRun: isDry });
    const what = `${done} ${done === 1 ? 'message' : 'messages'}`;
    return this.#text(`${isDry ? `would have ${past[verb]}` : past[verb]} ${what} of ${queue}, ${left} left`);
  }

  #row(cells: readonly string[]): Promise<void> {
    const plain = cells.map((cell) => escaped(cell));
    const wide = () => plain.map((cell, at) => cut(cell, columns[at]?.width ?? 0)).join(' ');
    return this.#printer.body(Buffer.from(this.#isTable ? wide().trimEnd() : plain.join('\t')));
  }

  #text(text: string): Promise<void> {
    return this.#printer.body(Buffer.from(escaped(text)));
  }
}

function cut(cell: string, width: number): string {
  return cell.length > width ? `${cell.slice(0, width - 1)}…` : cell.padEnd(width);
}
