// Commands of AMQP 0-9-1: a method with its content. The model of RabbitMQ reads whole commands, so that nothing comes between
// a method and its content.

import { FrameParser, frameEnd, frameTypes } from '../../../src/broker/codec/frames.ts';
import {
  decodeMethod,
  encodeMethod,
  type Method,
  type MethodFields,
  type MethodInput,
  type MethodName,
} from '../../../src/broker/codec/methods.ts';
import { Writer } from '../../../src/broker/codec/values.ts';

interface ContentFrame {
  readonly type: number;
  readonly payload: Buffer;
}

export interface Command {
  readonly channel: number;
  readonly method: Method;
  /** The encoded method. */
  readonly payload: Buffer;
  /** The header frame and the body frames. */
  readonly content: readonly ContentFrame[];
}

interface Receiver {
  onCommand(command: Command): void;
  onHeartbeat(): void;
}

interface Unfinished {
  readonly command: Command & { readonly content: ContentFrame[] };
  /** Bytes of the body that have not arrived. `undefined` before the header frame. */
  left: number | undefined;
}

const contentMethods: readonly MethodName[] = ['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok'];
/** Offset of the body size in a header frame (AMQP 0-9-1, 4.2.6.1). */
const bodySizeAt = 4;
const wholeRange = 2 ** 31;

/** Divides a stream of bytes into commands. */
export class CommandReader {
  readonly #receiver: Receiver;
  readonly #parser: FrameParser;
  readonly #unfinished = new Map<number, Unfinished>();

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
    this.#parser = new FrameParser(wholeRange, (type, channel, buffer, start, end) =>
      this.#receive(type, channel, Buffer.from(buffer.subarray(start, end))),
    );
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk);
  }

  pause(): void {
    this.#parser.pause();
  }

  resume(): void {
    this.#parser.resume();
  }

  #receive(type: number, channel: number, payload: Buffer): void {
    if (type === frameTypes.heartbeat) this.#receiver.onHeartbeat();
    else if (type !== frameTypes.method) this.#receiveContent(channel, { type, payload });
    else {
      const command = { channel, method: decodeMethod(payload, 0, payload.length), payload, content: [] };
      if (contentMethods.includes(command.method.name)) this.#unfinished.set(channel, { command, left: undefined });
      else this.#receiver.onCommand(command);
    }
  }

  #receiveContent(channel: number, frame: ContentFrame): void {
    const unfinished = this.#unfinished.get(channel);
    if (unfinished === undefined) throw new Error(`a frame of type ${frame.type} without a method`);
    unfinished.command.content.push(frame);
    unfinished.left =
      unfinished.left === undefined
        ? Number(frame.payload.readBigUInt64BE(bodySizeAt))
        : unfinished.left - frame.payload.length;
    if (unfinished.left > 0) return;
    this.#unfinished.delete(channel);
    this.#receiver.onCommand(unfinished.command);
  }
}

/** Returns the frames of a command. */
export function bytesOf({ channel, payload, content }: Command): Buffer {
  const frames = [frameOf(frameTypes.method, channel, payload)];
  for (const { type, payload: part } of content) frames.push(frameOf(type, channel, part));
  return Buffer.concat(frames);
}

/** Returns the frame of a method without content. */
export function methodBytes<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>): Buffer {
  return frameOf(frameTypes.method, channel, encodeMethod(name, fields));
}

export const heartbeatBytes = frameOf(frameTypes.heartbeat, 0, Buffer.alloc(0));

/** Returns a delivery with another delivery tag. */
export function withDeliveryTag(command: Command, tag: number): Command {
  const { method, payload } = command;
  // basic.deliver has the consumer tag before the delivery tag.
  const at = method.name === 'basic.deliver' ? 5 + payload.readUInt8(4) : 4;
  payload.writeBigUInt64BE(BigInt(tag), at);
  return command;
}

/** Returns the answer to queue.declare with no messages and no consumers. */
export function withoutCounts(command: Command): Command {
  command.payload.fill(0, command.payload.length - 8);
  return command;
}

/** Returns the frame of a basic.consume. The table of arguments keeps its bytes. */
export function consumeBytes(channel: number, fields: MethodFields<'basic.consume'>, noWait: boolean): Buffer {
  const writer = new Writer();
  writer.short(60);
  writer.short(20);
  writer.short(fields.ticket);
  writer.shortstr(fields.queue);
  writer.shortstr(fields.consumerTag);
  writer.octet(Number(fields.noLocal) + 2 * Number(fields.noAck) + 4 * Number(fields.exclusive) + 8 * Number(noWait));
  writer.bytes(fields.arguments.raw);
  return frameOf(frameTypes.method, channel, writer.done());
}

function frameOf(type: number, channel: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(payload.length + 8);
  frame.writeUInt8(type, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, 7);
  frame.writeUInt8(frameEnd, payload.length + 7);
  return frame;
}
