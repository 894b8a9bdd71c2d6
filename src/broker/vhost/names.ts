// Generates names for queues and consumers that a client declares without one, and for the folders of streams.

import { randomBytes } from 'node:crypto';

export const queueName = () => `amq.gen-${randomBytes(16).toString('base64url')}`;
export const consumerTag = () => `amq.ctag-${randomBytes(16).toString('base64url')}`;
export const logFolder = () => randomBytes(8).toString('hex');
