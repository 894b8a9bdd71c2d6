// amqplib's shapes that roles and the command line see: what a delivery, a channel and a message's properties are.

export type { ConfirmChannel, Properties, RawMessage } from 'amqplib/callback_api';
export { receivedForm } from './content-header.ts';
