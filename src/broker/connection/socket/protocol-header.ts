// The protocol header: the first eight bytes that a client sends (AMQP 0-9-1, 4.2.2).

export const protocolHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
/** Like RabbitMQ, the broker also accepts the header of AMQP 0-9, and then uses 0-9-1. */
const acceptedHeaders: readonly Buffer[] = [protocolHeader, Buffer.from('AMQP\x01\x01\0\x09', 'latin1')];

export class ProtocolHeaderReader {
  #received = Buffer.alloc(0);

  /**
   * Returns the bytes that follow the header, 'incomplete' if more bytes of the header must arrive, or 'unknown' if the first
   * bytes do not belong to an accepted header.
   */
  push(chunk: Buffer): Buffer | 'incomplete' | 'unknown' {
    this.#received = Buffer.concat([this.#received, chunk]);
    const { length } = protocolHeader;
    const common = Math.min(length, this.#received.length);
    const start = this.#received.subarray(0, common);
    if (!acceptedHeaders.some((header) => start.equals(header.subarray(0, common)))) return 'unknown';
    return common < length ? 'incomplete' : this.#received.subarray(length);
  }
}
