// Exports the amqplib types that roles and the command line use: a delivery, a channel, and the properties of a
// message.

export type { ConfirmChannel, Properties, RawMessage } from 'amqplib/callback_api';
export { receivedForm } from './content-header.ts';
