// Node itself, for programs that tests start: test files run inside mq, where `process.execPath` is mq.

/** Its path. test/run.ts, which Node runs, says it. */
export const node = process.env['MQ_TEST_NODE'] ?? process.execPath;
