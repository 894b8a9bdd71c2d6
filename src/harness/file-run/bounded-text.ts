// Collects text of any length and keeps its end, which contains the failure.

export class BoundedText {
  readonly #limit: number;
  #chunks: string[] = [];
  #length = 0;
  /** Number of characters that were dropped from the beginning. */
  #dropped = 0;

  /** @param limit number of characters that are kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(text: string): void {
    this.#chunks.push(text);
    this.#length += text.length;
    if (this.#length > 2 * this.#limit) this.#shorten();
  }

  /** Returns the kept text. If its beginning was dropped, returns a note and the text from the next whole line. */
  text(): string {
    if (this.#length > this.#limit) this.#shorten();
    const text = this.#chunks.join('').trimEnd();
    if (this.#dropped === 0) return text;
    return `(${this.#dropped} characters left out)\n${text.slice(text.indexOf('\n') + 1)}`;
  }

  #shorten(): void {
    const text = this.#chunks.join('');
    this.#dropped += text.length - this.#limit;
    this.#chunks = [text.slice(-this.#limit)];
    this.#length = this.#limit;
  }
}
