// Builds frames with the broker's table of methods, and parses the broker's frames with code that is independent of it.

import * as assert from 'uvu/assert';
import { encodeMethod, type MethodInput, type MethodName, methods } from '../../src/broker/codec/methods.ts';
import { type BasicProperties, encodeProperties } from '../../src/broker/codec/properties.ts';

export const header = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** Returns a frame (AMQP 0-9-1, 4.2.3). */
export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(payload.length + 8);
  bytes[0] = type;
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  payload.copy(bytes, 7);
  bytes[bytes.length - 1] = 0xce;
  return bytes;
}

export function method<N extends MethodName>(channel: number, name: N, fields: Partial<MethodInput<N>> = {}): Buffer {
  return frame(1, channel, encodeMethod(name, { ...emptyFields(name), ...fields }));
}

/** Returns the default values of a method's fields. */
function emptyFields<N extends MethodName>(name: N): MethodInput<N> {
  const empty = { bit: false, octet: 0, short: 0, long: 0, longlong: 0, shortstr: '', longstr: '', table: {} };
  return Object.fromEntries(methods[name].fields.map(([field, domain]) => [field, empty[domain]])) as MethodInput<N>;
}

/** Returns the content header frame and the body frames. */
export function content(channel: number, body: Buffer, properties: BasicProperties = {}, pieceMax = 4000): Buffer[] {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(60, 0);
  head.writeBigUInt64BE(BigInt(body.length), 4);
  const frames = [frame(2, channel, Buffer.concat([head, encodeProperties(properties)]))];
  for (let at = 0; at < body.length; at += pieceMax) frames.push(frame(3, channel, body.subarray(at, at + pieceMax)));
  return frames;
}

/** Returns the frames of a publish. */
export function publish(
  channel: number,
  fields: Partial<MethodInput<'basic.publish'>>,
  body: string | Buffer = 'x',
  properties: BasicProperties = {},
): Buffer[] {
  return [method(channel, 'basic.publish', fields), ...content(channel, Buffer.from(body), properties)];
}

/** Returns the frames that a client sends in the handshake. */
export function greeting({
  frameMax = 8192,
  heartbeat = 0,
  capabilities = {},
  user = 'guest',
  virtualHost = '/',
}: {
  frameMax?: number;
  heartbeat?: number;
  capabilities?: Record<string, boolean>;
  user?: string;
  virtualHost?: string;
} = {}): Buffer[] {
  return [
    method(0, 'connection.start-ok', {
      clientProperties: { product: 'peer', capabilities: { authentication_failure_close: true, ...capabilities } },
      mechanism: 'PLAIN',
      response: `\0${user}\0guest`,
      locale: 'en_US',
    }),
    method(0, 'connection.tune-ok', { channelMax: 2047, frameMax, heartbeat }),
    method(0, 'connection.open', { virtualHost }),
  ];
}

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Parses the broker's frames. Fails if one is invalid. */
export class FrameReader {
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= 7) {
      const type = bytes[at] as number;
      const size = bytes.readUInt32BE(at + 3);
      assert.ok([1, 2, 3, 8].includes(type), `the broker sent a frame of type ${type}`);
      assert.ok(size < 1024 * 1024, `the broker sent a frame of ${size} bytes`);
      if (bytes.length - at < size + 8) break;
      assert.is(bytes[at + size + 7], 0xce, 'the frame-end octet of a frame of the broker');
      frames.push({ type, channel: bytes.readUInt16BE(at + 1), payload: bytes.subarray(at + 7, at + 7 + size) });
      at += size + 8;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
    return frames;
  }
}

const names = new Map(Object.entries(methods).map(([name, { id }]) => [id[0] * 65_536 + id[1], name as MethodName]));

/** Returns the method of a frame, or `undefined` if it is not a method frame or the method is unknown. */
export function nameOf({ type, payload }: Frame): MethodName | undefined {
  return type === 1 ? names.get(payload.readUInt32BE(0)) : undefined;
}

export interface Close {
  readonly code: number;
  readonly text: string;
  readonly key: number;
}

/** Returns the reply code, the reply text, and the ids of the failing method, of connection.close or channel.close. */
export function closeOf({ payload }: Frame): Close {
  const length = payload[6] as number;
  assert.is(payload.length, 11 + length, 'the length of a close');
  return {
    code: payload.readUInt16BE(4),
    text: payload.toString('utf8', 7, 7 + length),
    key: payload.readUInt32BE(7 + length),
  };
}
