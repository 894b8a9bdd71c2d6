// Replaces the parts of an answer that differ in every run: names of the run, names that the broker generated, and times.

/** The values that differ in every run. */
export interface Run {
  /** Prefix of all names that the run created. */
  readonly prefix: string;
  /** The user of the jobs. */
  readonly user: string;
}

/** Returns the answer without these parts. Sorts its keys, so that two answers can be compared as JSON. */
export function normalise(answer: unknown, run: Run, key = ''): unknown {
  if (times.includes(key)) return '<time>';
  if (typeof answer === 'string') return withoutNames(answer, run);
  if (Array.isArray(answer)) return answer.map((value) => normalise(value, run));
  if (typeof answer !== 'object' || answer === null) return answer;
  const fields = Object.entries(answer).map(([name, value]) => [withoutNames(name, run), normalise(value, run, name)]);
  return Object.fromEntries(fields.sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)));
}

/** Fields of x-death with a timestamp. Each client has its own format for it. */
const times = ['time'];

function withoutNames(text: string, { prefix, user }: Run): string {
  if (text === user) return '<user>';
  return text
    .replaceAll(`user was '${user}'`, "user was '<user>'")
    .replace(new RegExp(`${prefix}(-\\d+)?`, 'g'), '<run>')
    .replace(/\b(amq\.(gen|ctag))-[\w-]{22}/g, '$1-<random>')
    .replace(/\b(amq\.rabbitmq\.reply-to)\.[\w+/=.-]{16,}/g, '$1.<token>');
}
