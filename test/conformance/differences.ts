// Two brokers' answers, compared job by job, and what of the differences is expected.

/** Why some answers are not RabbitMQ's. */
export interface Expected {
  readonly reason: string;
  /** Only against this version ("4.0"); otherwise against every one. */
  readonly rabbitmq?: string;
  /** mq's answer, as normalise.ts leaves it, by client and job. */
  readonly mq: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Compared {
  readonly client: string;
  /** "4.3". */
  readonly rabbitmq: string;
  readonly reference: ReadonlyMap<string, unknown>;
  readonly ours: ReadonlyMap<string, unknown>;
}

export interface Verdict {
  /** One line for each answer that is not as it should be. */
  readonly problems: readonly string[];
  /** Differences that were expected. */
  readonly expected: number;
}

/**
 * Answers that differ and are not listed, that are listed with another answer of mq's, or that are listed and do not differ
 * any more; and listed jobs that there are not.
 */
export function judge({ client, rabbitmq, reference, ours }: Compared, list: readonly Expected[]): Verdict {
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
      if (should !== undefined) problems.push(`${job}: is listed, and there is no difference: ${here}`);
    } else if (should === undefined) problems.push(`${job}: RabbitMQ ${rabbitmq} ${there}, mq ${here}`);
    else if (should !== here) problems.push(`${job}: differs otherwise than is listed: listed ${should}, mq ${here}`);
    else expected += 1;
  }
  return { problems, expected };
}

function shown(answers: ReadonlyMap<string, unknown>, job: string): string {
  return answers.has(job) ? JSON.stringify(answers.get(job)) : 'has no such job';
}
