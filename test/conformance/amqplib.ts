// Jobs of amqplib. Each has its own connection, so that a close does not affect another job.

import { connections } from './amqplib-connections.ts';
import { deadLetters } from './amqplib-dead-letters.ts';
import { exchanges } from './amqplib-exchanges.ts';
import { messages } from './amqplib-messages.ts';
import { permissions } from './amqplib-permissions.ts';
import { queues } from './amqplib-queues.ts';
import { streams } from './amqplib-streams.ts';
import { runJobs } from './program.ts';

await runJobs({ ...connections, ...queues, ...exchanges, ...messages, ...deadLetters, ...permissions, ...streams });
