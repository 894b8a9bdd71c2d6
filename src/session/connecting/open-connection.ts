// Opens a broker connection: connects to one of the addresses and declares the configuration.

import type { RascalBroker } from 'rascal';
// The package's main file would also build the defaults of its tests, with a second Lodash.
import Broker from 'rascal/lib/amqp/Broker.js';
import { objectOf } from '../../config/plain.ts';
import type { RascalSettings } from '../../config/rascal-settings.ts';
import { MqError } from '../../errors.ts';
import { isIncomplete, socketLogin } from '../../login/socket-login.ts';
import { failureOf, isHandshakeEnd, isLossOfAccepted } from '../failure.ts';
import '../patches/content-frames.ts';
import '../patches/outgoing-frames.ts';
import '../patches/handshake.ts';
import { endConnections, takeNoAnswer } from '../patches/sockets.ts';
import type { CreatedVhost } from '../patches/vhosts.ts';
import '../patches/vhosts.ts';
import { aborted } from '../../signal.ts';
import { time } from '../../time.ts';
import { BrokerConnection, type BrokerConnectionSettings, stopKeepActive } from './broker-connection.ts';
import { setUpMs, setUpTimeout } from './set-up-deadlines.ts';

interface OpenSettings extends BrokerConnectionSettings {
  /** Settings that config/ builds for Rascal. */
  readonly rascalSettings: RascalSettings;
  /** Aborts the connecting. The reason is the error to report. Default none. */
  readonly signal?: AbortSignal;
}

/**
 * Connects and declares the configuration. Tries each address once. A node counts as failed, too, if it accepts the
 * connection but does not answer the declarations, or closes the connection before they are complete. RabbitMQ: a node
 * that stops does so, also one that has noticed that it is in the minority (pause_minority). Throws an MqError.
 */
export async function openConnection(settings: OpenSettings): Promise<BrokerConnection> {
  const { rascalSettings, signal } = settings;
  const login = assertLogin(rascalSettings);
  await (signal ? Promise.race([login, abortOf(signal)]) : login);
  const addresses = addressesOf(rascalSettings);
  for (let first = 0; ; first += 1) {
    try {
      return await createConnection(settings, withFirst(rascalSettings, first), { first, addresses });
    } catch (error) {
      const failure = takeNoAnswer(settings.connectionName) ?? error;
      const isNextTried = failure !== error || (error instanceof MqError && isLossOfAccepted(error));
      if (!isNextTried || first + 1 >= addresses) throw failure;
    }
  }
}

/**
 * Reads the certificates and gets the token, so that their errors are reported before mq connects and outside its time
 * limits. patches/sockets.ts does so again for each connection.
 */
async function assertLogin({ vhosts }: RascalSettings): Promise<void> {
  const options = Object.values(vhosts)
    .flatMap(({ connections }) => connections.map((one) => objectOf(objectOf(one)['socketOptions'])))
    .filter(isIncomplete);
  await Promise.all(options.map(socketLogin));
}

/** Rejects with the reason of the signal. */
async function abortOf(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason;
}

function addressesOf({ vhosts }: RascalSettings): number {
  return Math.max(1, ...Object.values(vhosts).map(({ connections }) => connections.length));
}

/** Returns the configuration with the connections of each vhost rotated, so that the one at `first` is tried first. */
function withFirst(config: RascalSettings, first: number): RascalSettings {
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    const { connections } = vhost;
    const at = first % connections.length;
    return [name, { ...vhost, connections: [...connections.slice(at), ...connections.slice(0, at)] }] as const;
  });
  return { ...config, vhosts: Object.fromEntries(vhosts) };
}

function createConnection(
  settings: OpenSettings,
  config: RascalSettings,
  { first, addresses }: { first: number; addresses: number },
): Promise<BrokerConnection> {
  const vhosts = new Map<string, CreatedVhost>();
  const { signal } = settings;
  return new Promise((resolve, reject) => {
    let isEnded = false;
    const settle = () => {
      deadline.cancel();
      signal?.removeEventListener('abort', stop);
    };
    const end = (error: MqError) => {
      isEnded = true;
      settle();
      endConnections(settings.connectionName);
      reject(error);
    };
    const stop = () => end(signal?.reason);
    const deadline = time.after(setUpMs(addresses), () => end(setUpTimeout(addresses)));
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    Broker.create(config, { mqVhosts: vhosts }, (error, broker) => {
      settle();
      // Rascal had begun with the next address.
      if (isEnded) return broker && endBroker(broker);
      if (!error && broker) return resolve(new BrokerConnection(broker, vhosts, settings, first));
      // Rascal keeps a timer and the sockets of a half-built broker (createConnection.js), so both are ended here.
      endConnections(settings.connectionName);
      if (broker) endBroker(broker);
      reject(frameMaxFault(config, failureOf(error ?? new Error('no broker'), settings.redact)));
    });
  });
}

function endBroker(broker: RascalBroker): void {
  broker.on('error', () => undefined);
  broker.shutdown(() => undefined);
  stopKeepActive(broker);
}

/** Minimum frame_max. RabbitMQ 4.1 and later closes the connection without a message if frame_max is smaller. */
const leastFrameMax = 8192;

/** Returns an error about frameMax if a value that is too small ended the handshake, otherwise the failure. */
function frameMaxFault({ vhosts }: RascalSettings, failure: MqError): MqError {
  const small = Object.values(vhosts)
    .flatMap(({ connections }) => connections.map((one) => Number(objectOf(objectOf(one)['options'])['frameMax'])))
    .find((frameMax) => frameMax > 0 && frameMax < leastFrameMax);
  if (!isHandshakeEnd(failure) || small === undefined) return failure;
  return new MqError('CONFIG', `the broker ended the handshake: frameMax is ${small}`, {
    hint: `RabbitMQ 4.1 and later require at least ${leastFrameMax}; remove frameMax, or increase it`,
    cause: failure,
  });
}
