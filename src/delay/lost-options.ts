// Names the options of a message that do not survive a delay.

/**
 * Returns the names of such options. RabbitMQ: an expiration ends the wait early, a dead-letter routing key removes CC and BCC,
 * and a queue expires its messages in the order of their priorities.
 * @param options options of a publication, or properties and headers of a message
 */
export function lostOptions(options: Readonly<Record<string, unknown>>): string[] {
  const isSet = (option: string) => options[option] !== undefined && !(option === 'priority' && options[option] === 0);
  return ['expiration', 'priority', 'CC', 'BCC'].filter(isSet);
}
