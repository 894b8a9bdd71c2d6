// Names the options of a message that do not survive a delay.

/**
 * Returns the paths of such options. RabbitMQ: an expiration ends the wait early, a dead-letter routing key removes CC and BCC,
 * and a queue expires its messages in the order of their priorities.
 * @param options options of a publication, or properties of a message, both with `headers`
 */
export function lostOptions(options: Readonly<Record<string, unknown>>): string[][] {
  const isSet = (option: string) => options[option] !== undefined && !(option === 'priority' && options[option] === 0);
  const headers = Object(options['headers']);
  return [
    ...['expiration', 'priority', 'CC', 'BCC'].filter(isSet).map((option) => [option]),
    ...['CC', 'BCC'].filter((name) => headers[name] !== undefined).map((name) => ['headers', name]),
  ];
}
