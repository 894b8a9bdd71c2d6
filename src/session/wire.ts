// Exports what roles and the command line use of AMQP: a delivery, a channel, and the properties of a message.

export type { ConfirmChannel } from './channel.ts';
export { propertyBytes, receivedForm } from './codec/content-header.ts';
export type { Properties, RawMessage } from './raw-message.ts';
