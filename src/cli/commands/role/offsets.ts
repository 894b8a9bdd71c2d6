// Reads the options for streams: the position of the start, and where the handled offset is stored.

import { queueType } from '../../../config/config.ts';
import type { ReceivingRole } from '../../../config/role.ts';
import { parseOffset, type StreamOffset } from '../../../config/stream-offset.ts';
import type { Values } from '../../arguments/values.ts';
import type { NamedRole } from './running.ts';

type Receiving = Pick<NamedRole<ReceivingRole>, 'role' | 'config'>;
type OffsetSettings = Parameters<typeof import('../../../roles/consume.ts').consume>[2]['offsets'];

const names = ['offset', 'offset-file', 'offset-name'] as const;

/** Throws USAGE if the options are not valid, exclude each other, or are used for a queue that is not a stream. */
export function offsetsOf(values: Values, receiving: Receiving): OffsetSettings {
  const given = names.find((name) => values.text(name) !== undefined);
  if (given === undefined) return { start: undefined, file: undefined, name: undefined };
  refuseOtherQueues(values, given, receiving);
  const [file, name] = [values.name('offset-file'), values.name('offset-name')];
  if (file !== undefined && name !== undefined)
    throw values.usage('--offset-file and --offset-name exclude each other');
  if (name?.includes('.'))
    throw values.usage('--offset-name contains a dot, which separates the parts of the name of its queue');
  if ((file ?? name) !== undefined && receiving.role.subscriptions.length > 1)
    throw values.usage(`--${given} accepts one subscription, because each stream has its own offset`);
  return { start: startOf(values), file, name };
}

function startOf(values: Values): StreamOffset | undefined {
  const text = values.text('offset');
  if (text === undefined) return undefined;
  const parsed = parseOffset(text);
  if ('offset' in parsed) return parsed.offset;
  throw values.usage(`--offset '${text}' is not valid: ${parsed.problem}`);
}

function refuseOtherQueues(values: Values, option: string, { role, config }: Receiving): void {
  for (const subscription of role.subscriptions) {
    const { vhost = '', queue = '' } = config.subscriptions[subscription] ?? {};
    const defined = config.vhosts[vhost]?.queues[queue];
    const type = defined && hasType(defined) ? queueType(defined) : 'stream';
    if (type !== 'stream')
      throw values.usage(`--${option} requires a stream, but the queue '${queue}' is a ${type} queue`);
  }
}

/** Reports whether rascal.json sets the type. Otherwise the vhost's default applies, and the broker refuses the offset. */
function hasType({ options = {} }: Parameters<typeof queueType>[0]): boolean {
  return 'x-queue-type' in Object(options['arguments']);
}
