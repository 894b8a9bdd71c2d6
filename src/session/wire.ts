// Exports the parts of AMQP that roles and the command line use: messages, their properties, and channels.

export type { ConfirmChannel } from './channel.ts';
export { propertyBytes, propertyKinds, readProperties, receivedBytes, receivedForm } from './codec/content-header.ts';
export { type ExactJson, exactJson } from './codec/exact-json.ts';
export type { Properties, RawMessage } from './raw-message.ts';
