// Restores the reason why the broker closed a connection during the handshake. amqplib 2.3.1 drops it if
// connection.close arrives instead of connection.open-ok ("Expected ConnectionOpenOk; got <ConnectionClose channel:0>",
// connection.js). RabbitMQ sends this for a vhost that does not exist, that the user may not access, or that has
// reached its connection limit. Also marks the end of a connection whose server has sent bytes that are not AMQP, because
// amqplib reports it like the end of a broker.

// This import uses a path, because the package's `exports` do not name the file.
import { Connection, type Frame } from '../../../node_modules/amqplib/lib/connection.js';
import { objectOf, stringOf } from '../../config/plain.ts';

type Properties = Readonly<Record<string, unknown>>;
const properties = new WeakMap<Error, Properties>();

/** Returns the server properties of a broker that refused with this error, or `undefined` if it sent none. */
export function refusedProperties(error: Error | null): Properties | undefined {
  return error === null ? undefined : properties.get(error);
}

const open = Connection.prototype.open;
Connection.prototype.open = function (options, next) {
  let reason: string | undefined;
  const step = this.step;
  this.step = (take) =>
    step.call(this, (error, frame) => {
      reason = closingText(frame) ?? reason;
      take(error, frame);
    });
  open.call(this, options, (error, ok) => {
    if (error && this.serverProperties) properties.set(error, this.serverProperties);
    if (error && reason !== undefined && !error.message.includes(reason)) error.message += `: "${reason}"`;
    if (error && hasEndedAfterOther(error, this.rest)) error.message += afterOtherBytes;
    next(error, ok);
  });
};

/** Returns the reply-text of a connection.close (AMQP 0-9-1, 1.4.2.9). No other frame of the handshake contains one. */
function closingText(frame: Frame | null): string | undefined {
  return stringOf(objectOf(frame?.fields)['replyText']);
}

/** Added to the error if the server has sent something other than the beginning of a frame. failure.ts reads it. */
const afterOtherBytes = ' (after bytes that are not AMQP)';

/** Type of the frames of the handshake (AMQP 0-9-1, 4.2.3). */
const methodFrame = 1;

/** `rest` is what the server has sent after its last complete frame. */
function hasEndedAfterOther({ message }: Error, rest: Buffer): boolean {
  return message.startsWith('Socket closed abruptly') && rest.length > 0 && rest[0] !== methodFrame;
}
