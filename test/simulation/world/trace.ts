// The trace of a run: a hash of everything that happened, and readable lines if they are wanted.

export class Trace {
  /** Receives a line. `undefined` records the hash only. */
  readonly #print: ((line: string) => void) | undefined;
  #hash = 0x811c9dc5;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  get isPrinting(): boolean {
    return this.#print !== undefined;
  }

  /** The hash (FNV-1a, 32 bits) of all records so far. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** Adds a record. `text` must be cheap, because it is made in every run. */
  add(now: number, text: string): void {
    this.number(Math.round(now * 1000));
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
    this.#print?.(`${(now / 1000).toFixed(6).padStart(12)}  ${text}`);
  }

  number(value: number): void {
    this.#mix(value & 0xffff);
    this.#mix((value / 0x1_0000) & 0xffff);
  }

  bytes(bytes: Buffer): void {
    for (const byte of bytes) this.#mix(byte);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}
