// Generates names for queues and consumers that a client declares without one, and for the folders of streams.

import { time } from '../../time.ts';

export const queueName = () => `amq.gen-${time.randomBytes(16).toString('base64url')}`;
export const consumerTag = () => `amq.ctag-${time.randomBytes(16).toString('base64url')}`;
export const logFolder = () => time.randomBytes(8).toString('hex');
