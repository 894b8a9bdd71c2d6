// The arguments of a declaration: the table, the wire type of each field, and the bytes that came.

import { eachField, encodeTable, type FieldValue, readValue, type Table, typeNames } from './table.ts';
import { Reader } from './values.ts';

export class Arguments {
  static readonly none: Arguments = Arguments.decode(Buffer.alloc(4));

  /** The bytes of the table, its length before it. */
  readonly raw: Buffer;
  readonly values: Table;
  /** Type letter of each field. */
  readonly types: Readonly<Record<string, string>>;

  private constructor(raw: Buffer, values: Table, types: Readonly<Record<string, string>>) {
    this.raw = raw;
    this.values = values;
    this.types = types;
  }

  /** Reads a table where the reader stands. */
  static read(reader: Reader): Arguments {
    const start = reader.offset;
    const values = Object.create(null) as Record<string, FieldValue>;
    const types = Object.create(null) as Record<string, string>;
    eachField(reader, (key, type, inner) => {
      const value = readValue(inner, type);
      // RabbitMQ: of a key that is there twice the first counts.
      if (key in values) return;
      types[key] = type;
      values[key] = value;
    });
    return new Arguments(Buffer.from(reader.buffer.subarray(start, reader.offset)), values, types);
  }

  static decode(raw: Buffer): Arguments {
    return Arguments.read(new Reader(raw));
  }

  /** From values alone, as a management request has them. */
  static of(values: Table): Arguments {
    return Arguments.decode(encodeTable(values));
  }

  /** Returns the same with one field more. */
  with(name: string, value: FieldValue): Arguments {
    const field = encodeTable({ [name]: value }).subarray(4);
    const raw = Buffer.concat([this.raw, field]);
    raw.writeUInt32BE(raw.length - 4);
    return Arguments.decode(raw);
  }

  /** Identifies the fields whatever their order, as RabbitMQ compares the arguments of bindings. */
  get identity(): string {
    const fields: string[] = [];
    const reader = new Reader(this.raw);
    let start = 4;
    eachField(reader, (_, type, inner) => {
      readValue(inner, type);
      fields.push(this.raw.toString('latin1', start, inner.offset));
      start = inner.offset;
    });
    return fields.sort().join('');
  }

  get(name: string): FieldValue | undefined {
    return this.values[name];
  }

  /** RabbitMQ's name of a field's type, for its error texts. */
  typeName(name: string): string {
    return typeNames[this.types[name] ?? ''] ?? 'undefined';
  }
}
