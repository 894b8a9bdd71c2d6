// A field table: its values, the wire type of each field, and the bytes as they were received. The broker uses it for
// the arguments of declarations, bindings and consumers, and for the headers of messages.

import { eachField, encodeTable, type FieldValue, readValue, type Table, typeNames } from './table.ts';
import { Reader } from './values.ts';

export class Arguments {
  static readonly none: Arguments = Arguments.decode(Buffer.alloc(4));

  /** The encoded table with its length. */
  readonly raw: Buffer;
  readonly values: Table;
  /** Type letter of each field. */
  readonly types: Readonly<Record<string, string>>;

  private constructor(raw: Buffer, values: Table, types: Readonly<Record<string, string>>) {
    this.raw = raw;
    this.values = values;
    this.types = types;
  }

  /** Reads a table from the current position of the reader. */
  static read(reader: Reader): Arguments {
    const start = reader.offset;
    const values: Record<string, FieldValue> = Object.create(null);
    const types: Record<string, string> = Object.create(null);
    eachField(reader, (key, type, inner) => {
      const value = readValue(inner, type);
      // RabbitMQ uses the first of two fields with the same key.
      if (key in values) return;
      types[key] = type;
      values[key] = value;
    });
    return new Arguments(Buffer.from(reader.buffer.subarray(start, reader.offset)), values, types);
  }

  static decode(raw: Buffer): Arguments {
    return Arguments.read(new Reader(raw));
  }

  /** Encodes values that did not arrive over AMQP, such as those of a request to the management API. */
  static of(values: Table): Arguments {
    return Arguments.decode(encodeTable(values));
  }

  /** Returns a copy with one more field. */
  with(name: string, value: FieldValue): Arguments {
    const field = encodeTable({ [name]: value }).subarray(4);
    const raw = Buffer.concat([this.raw, field]);
    raw.writeUInt32BE(raw.length - 4);
    return Arguments.decode(raw);
  }

  /** A string for comparing tables. Like RabbitMQ's comparison of bindings, it ignores the order of the fields. */
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

  /** Returns the type of a field as RabbitMQ's error texts name it. */
  typeName(name: string): string {
    return typeNames[this.types[name] ?? ''] ?? 'undefined';
  }
}
