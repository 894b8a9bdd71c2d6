// Compares binding keys of a topic exchange (AMQP 0-9-1, 3.1.3.3): `*` is one word, `#` is any number of words.

/**
 * Reports whether each routing key that matches `inner` also matches `outer`. A routing key without `*` and `#` is a
 * pattern that only it matches.
 */
export function covers(outer: string, inner: string): boolean {
  return coversWords(wordsOf(outer), wordsOf(inner));
}

/** RabbitMQ: an empty key has no words. */
function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

function coversWords(outer: readonly string[], inner: readonly string[]): boolean {
  // The row contains, for the words of `outer` up to now, whether they cover the first n words of `inner`.
  let row = [true, ...inner.map(() => false)];
  for (const word of outer) {
    const next = [word === '#' && row[0] === true];
    for (const [index, other] of inner.entries()) {
      const before = row[index] === true;
      const isSame = word === other && other !== '#';
      const takes = isSame || (word === '*' && other !== '#') ? before : false;
      next.push(word === '#' ? row[index + 1] === true || next[index] === true : takes);
    }
    row = next;
  }
  return row.at(-1) === true;
}
