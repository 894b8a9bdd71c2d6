// Waits for nodes until --timeout or a signal, and shows a counter on a terminal.

import type { WaitSettings } from '../../../cluster/cluster.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';

/**
 * Runs work that waits for nodes, with the time limit of --timeout, and shows a counter on a terminal. At the first
 * signal it throws INTERRUPTED or, for SIGTERM, TERMINATED.
 */
export async function withCounter<Result>(
  { context, values }: { context: Context; values: Values },
  work: (wait: WaitSettings) => Promise<Result>,
  first = 'waiting for the nodes',
): Promise<Result> {
  const { drain, stderr } = context;
  const withinMs = values.duration('timeout');
  const started = time.now();
  let text = first;
  const show = () => {
    const seconds = ((time.now() - started) / 1000).toFixed(0);
    if (stderr.isTTY) stderr.write(`\r\u001b[Kmq cluster: ${text} (${seconds} s)`);
  };
  show();
  const clock = time.every(1000, show);
  const onSignal = () => {
    text = 'interrupted, cleaning up';
    show();
  };
  drain.addEventListener('abort', onSignal, { once: true });
  const progress = (ready: number, total: number) => {
    text = `${ready} of ${total} nodes are ready`;
    show();
  };
  try {
    return await work({ signal: drain, progress, ...(withinMs !== undefined && { withinMs }) });
  } catch (error) {
    if (error instanceof MqError && error.code === 'INTERRUPTED' && drain.reason === 'SIGTERM')
      throw new MqError('TERMINATED', error.message, { cause: error });
    throw error;
  } finally {
    clock.cancel();
    drain.removeEventListener('abort', onSignal);
    if (stderr.isTTY) stderr.write('\r\u001b[K');
  }
}
