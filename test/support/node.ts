// Provides the path of Node for programs that tests start. Test files run inside mq, where `process.execPath` is mq.

/** The path of Node, which test/run.ts passes in the environment. */
export const node = process.env['MQ_TEST_NODE'] ?? process.execPath;
