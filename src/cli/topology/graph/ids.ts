// Makes ids of names. An id has only characters that need no escape in a JSON pointer, and no two objects have the same.

export class Ids {
  readonly #ids = new Map<unknown, string>();
  readonly #taken = new Set<string>();

  /** Returns the id of an object: its name, with `_` instead of other characters, and with a number if it is taken. */
  of(object: unknown, name: string): string {
    const known = this.#ids.get(object);
    if (known !== undefined) return known;
    const base = name.replace(/[^\w.-]+/g, '_') || '_';
    let id = base;
    for (let number = 2; this.#taken.has(id); number++) id = `${base}_${number}`;
    this.#taken.add(id);
    this.#ids.set(object, id);
    return id;
  }
}
