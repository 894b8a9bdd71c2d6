// Prints rows: as a table on a terminal, as tab-separated values in a pipe, or as JSON lines.

import type { Output } from '../context.ts';
import { escaped } from '../errors.ts';
import { Printer } from '../terminal/printer.ts';

/** Formats rows for a terminal of the given width. Cells contain no control characters. */
export type DrawTable = (table: {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly width: number;
  readonly hasHeaders: boolean;
}) => string[];

export interface Looks {
  readonly json: boolean;
  /** `true` prints a line with the column names first. */
  readonly hasHeaders: boolean;
  readonly drawTable: DrawTable;
}

/** Values of a row by column. A missing value is printed as `-`. */
export type Cells<Item> = Readonly<Record<string, (item: Item) => string | number | undefined>>;

interface RowSettings<Item> extends Looks {
  readonly cells: Cells<Item>;
  /** Columns for a terminal of this width, or for a pipe (`undefined`). */
  readonly columns: (width: number | undefined) => readonly string[];
  /** Returns the object of a JSON line. */
  readonly jsonOf: (item: Item) => object;
}

/** Number of rows that are formatted together, so that their columns align. */
const page = 500;

export class RowPrinter<Item> {
  readonly #printer: Printer;
  readonly #settings: RowSettings<Item>;
  /** Columns of the terminal. `undefined` if stdout is not a terminal. */
  readonly #width: number | undefined;
  readonly #names: readonly string[];
  #rows: string[][] = [];
  #hasTitle = false;

  constructor(stdout: Output, settings: RowSettings<Item>) {
    this.#printer = new Printer(stdout);
    this.#settings = settings;
    this.#width = stdout.isTTY === true ? (stdout.columns ?? 80) : undefined;
    this.#names = settings.columns(this.#width);
  }

  /** Prints one row. On a terminal it is printed together with others, at the latest by `end`. */
  async line(item: Item): Promise<void> {
    const { json, jsonOf, cells } = this.#settings;
    if (json) return this.#printer.json(jsonOf(item));
    const row = this.#names.map((name) => escaped(String(cells[name]?.(item) ?? '-')));
    if (this.#width === undefined) {
      await this.#title();
      return this.#printer.body(Buffer.from(row.join('\t')));
    }
    this.#rows.push(row);
    if (this.#rows.length >= page) await this.end();
  }

  /** Prints the rows that are not printed yet, or only the column names if there were no rows. */
  async end(): Promise<void> {
    const rows = this.#rows.splice(0);
    if (rows.length === 0) return this.#title();
    const hasHeaders = this.#settings.hasHeaders && !this.#hasTitle;
    const table = { columns: this.#names, rows, width: this.#width ?? 80, hasHeaders };
    this.#hasTitle = true;
    await this.#printer.body(Buffer.from(this.#settings.drawTable(table).join('\n')));
  }

  async #title(): Promise<void> {
    if (this.#hasTitle || !this.#settings.hasHeaders || this.#settings.json) return;
    this.#hasTitle = true;
    await this.#printer.body(Buffer.from(this.#names.join(this.#width === undefined ? '\t' : '  ')));
  }
}
