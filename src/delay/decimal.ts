// Finds decimals (AMQP 0-9-1, 4.2.5.5) in headers. RabbitMQ 4.0.5 and 4.3.6: a message with a decimal cannot enter a stream. The
// broker closes the connection of its publisher with 541. If the message is dead-lettered to the stream at least once, the
// worker of the node crashes until no dead letter of the node moves any more.

/** Reports whether a value of a header is a decimal, or contains one at any depth. */
export function containsDecimal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false;
  if ('!' in value && value['!'] === 'decimal') return true;
  return Object.values(value).some(containsDecimal);
}
