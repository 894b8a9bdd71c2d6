// What differs from run to run is taken out of an answer: names of this run, names that the broker has made, and times.

/** The answer with its keys in order, so that two of them can be compared as JSON. */
export function normalise(answer: unknown, prefix: string, key = ''): unknown {
  if (times.includes(key)) return '<time>';
  if (typeof answer === 'string') return withoutNames(answer, prefix);
  if (Array.isArray(answer)) return answer.map((value) => normalise(value, prefix));
  if (typeof answer !== 'object' || answer === null) return answer;
  const fields = Object.entries(answer).map(([name, value]) => [
    withoutNames(name, prefix),
    normalise(value, prefix, name),
  ]);
  return Object.fromEntries(fields.sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)));
}

/** Of a death in x-death; each client has its own way to tell a timestamp. */
const times = ['time'];

function withoutNames(text: string, prefix: string): string {
  return text
    .replace(new RegExp(`${prefix}(-\\d+)?`, 'g'), '<run>')
    .replace(/\b(amq\.(gen|ctag))-[\w-]{22}/g, '$1-<random>')
    .replace(/\b(amq\.rabbitmq\.reply-to)\.g[\w+/=.-]+/g, '$1.<token>');
}
