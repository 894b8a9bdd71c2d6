// What differs from run to run is taken out of an answer: names of this run, names that the broker has made, and times.

/** What a run has of its own. */
export interface Run {
  /** Begins every name that the run has made. */
  readonly prefix: string;
  /** Who was logged in. */
  readonly user: string;
}

/** The answer with its keys in order, so that two of them can be compared as JSON. */
export function normalise(answer: unknown, run: Run, key = ''): unknown {
  if (times.includes(key)) return '<time>';
  if (typeof answer === 'string') return withoutNames(answer, run);
  if (Array.isArray(answer)) return answer.map((value) => normalise(value, run));
  if (typeof answer !== 'object' || answer === null) return answer;
  const fields = Object.entries(answer).map(([name, value]) => [withoutNames(name, run), normalise(value, run, name)]);
  return Object.fromEntries(fields.sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)));
}

/** Of a death in x-death; each client has its own way to tell a timestamp. */
const times = ['time'];

function withoutNames(text: string, { prefix, user }: Run): string {
  if (text === user) return '<user>';
  return text
    .replaceAll(`user was '${user}'`, "user was '<user>'")
    .replace(new RegExp(`${prefix}(-\\d+)?`, 'g'), '<run>')
    .replace(/\b(amq\.(gen|ctag))-[\w-]{22}/g, '$1-<random>')
    .replace(/\b(amq\.rabbitmq\.reply-to)\.[\w+/=.-]{16,}/g, '$1.<token>');
}
