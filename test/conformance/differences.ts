// Compares the answers of two brokers job by job, and separates expected from unexpected differences.

/** Answers of mq that are allowed to differ from RabbitMQ's, and the reason. */
export interface Expected {
  readonly reason: string;
  /** The only version of RabbitMQ with this difference, such as "4.0". `undefined` means every version. */
  readonly rabbitmq?: string;
  /** Client → job → normalised answer of mq. */
  readonly mq: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Compared {
  readonly client: string;
  /** The version of RabbitMQ, such as "4.3". */
  readonly rabbitmq: string;
  readonly reference: ReadonlyMap<string, unknown>;
  readonly ours: ReadonlyMap<string, unknown>;
}

export interface Verdict {
  /** One line for each wrong answer. */
  readonly problems: readonly string[];
  /** Number of expected differences. */
  readonly expected: number;
}

/** Reports differences that are not listed or differ from the list, and listed differences that no longer exist. */
export function verdictOf({ client, rabbitmq, reference, ours }: Compared, list: readonly Expected[]): Verdict {
  const listed = new Map<string, unknown>();
  for (const entry of list) {
    if (entry.rabbitmq !== undefined && entry.rabbitmq !== rabbitmq) continue;
    for (const [job, answer] of Object.entries(entry.mq[client] ?? {})) listed.set(job, answer);
  }
  const problems: string[] = [];
  let expected = 0;
  for (const job of new Set([...reference.keys(), ...ours.keys(), ...listed.keys()])) {
    const here = shown(ours, job);
    const there = shown(reference, job);
    const should = listed.has(job) ? JSON.stringify(listed.get(job)) : undefined;
    if (here === there) {
      if (should !== undefined) problems.push(`${job}: is listed, but does not differ: ${here}`);
    } else if (should === undefined) problems.push(`${job}: RabbitMQ ${rabbitmq} ${there}, mq ${here}`);
    else if (should !== here) problems.push(`${job}: differs from the list: listed ${should}, mq ${here}`);
    else expected += 1;
  }
  return { problems, expected };
}

function shown(answers: ReadonlyMap<string, unknown>, job: string): string {
  return answers.has(job) ? JSON.stringify(answers.get(job)) : 'has no such job';
}
