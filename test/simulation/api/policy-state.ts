// Follows the value of one policy: what it must be after the changes that were reported as done, as failed, or as in doubt.

type Value = number | undefined;

export class PolicyState {
  /** The values that it can have. */
  #possible = new Set<Value>([undefined]);
  /** Values of changes in doubt, which the broker can still carry out. */
  readonly #late = new Set<Value>();
  #next: Value;

  /** Begins a change. `undefined` deletes the policy. */
  begin(value: Value): void {
    this.#next = value;
  }

  /** Records that the broker has made the change, or did not have to. */
  succeed(value: Value): void {
    this.#possible = new Set([value, ...this.#late]);
  }

  /** Records that the broker may have made the change. */
  doubt(): void {
    this.#late.add(this.#next);
    this.#possible.add(this.#next);
  }

  /** Returns why the value is wrong, or `undefined`. */
  compare(found: unknown): string | undefined {
    if (this.#possible.has(found as Value)) return undefined;
    return `the policy is ${String(found)}, and can only be ${[...this.#possible].map(String).join(' or ')}`;
  }
}
