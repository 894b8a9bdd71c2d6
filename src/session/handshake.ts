// Why the broker closed the connection before it was open: amqplib 2.3.1 drops the reason when connection.close comes
// in the place of connection.open-ok ("Expected ConnectionOpenOk; got <ConnectionClose channel:0>", connection.js).
// RabbitMQ answers so to a vhost that does not exist, that the user may not enter, or that takes no more connections.

// By its path: the package's `exports` do not name the file.
import { Connection, type Frame } from '../../node_modules/amqplib/lib/connection.js';

type Properties = Readonly<Record<string, unknown>>;
const properties = new WeakMap<Error, Properties>();

/** The server properties of a broker that refused the login or the vhost with this error; undefined if none came. */
export function refusedProperties(error: Error | null): Properties | undefined {
  return error === null ? undefined : properties.get(error);
}

const open = Connection.prototype.open;
Connection.prototype.open = function (options, next) {
  let said: string | undefined;
  const step = this.step;
  this.step = (take) =>
    step.call(this, (error, frame) => {
      said = closingText(frame) ?? said;
      take(error, frame);
    });
  open.call(this, options, (error, ok) => {
    if (error && this.serverProperties) properties.set(error, this.serverProperties);
    if (error && said !== undefined && !error.message.includes(said)) error.message += `: "${said}"`;
    next(error, ok);
  });
};

/** reply-text of a connection.close (AMQP 0-9-1, 1.4.2.9), the only frame of a handshake that has one. */
function closingText(frame: Frame | null): string | undefined {
  const text = frame?.fields?.['replyText'];
  return typeof text === 'string' ? text : undefined;
}
