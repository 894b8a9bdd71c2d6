// Mutates frames: changes bits, bytes, lengths, types, methods, the order of frames, and the depth of tables.

import { methods } from '../../src/broker/codec/methods.ts';
import type { Random } from '../support/random.ts';
import { frame } from './frames.ts';

const ids = Object.values(methods).map(({ id }) => id);
const oddNumbers = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
const letters = 'tbBsuIilLfdDSATFVx?';

type Change = (bytes: Buffer, random: Random) => Buffer;

/** Mutations of a payload. The payload gets a valid frame, so that the parser reaches the mutated bytes. */
const payloadMutations: readonly Change[] = [
  (bytes, random) => changed(bytes, random, (value) => value ^ (1 << random.below(8))),
  (bytes, random) => changed(bytes, random, () => random.pick([0, 1, 0x7f, 0x80, 0xce, 0xff])),
  (bytes, random) => changed(bytes, random, () => letters.charCodeAt(random.below(letters.length))),
  // Changes the type of a field in a table.
  (bytes, random) => {
    const places = [...bytes.keys()].filter((place) => letters.includes(String.fromCharCode(bytes[place] as number)));
    const copy = Buffer.from(bytes);
    if (places.length > 0) copy[random.pick(places)] = letters.charCodeAt(random.below(letters.length));
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length >= 4) copy.writeUInt32BE(random.pick(oddNumbers), random.below(copy.length - 3));
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length >= 2) copy.writeUInt16BE(random.pick(oddNumbers) & 0xffff, random.below(copy.length - 1));
    return copy;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => spliced(bytes, random, random.below(8), Buffer.alloc(0)),
  (bytes, random) => spliced(bytes, random, 0, random.bytes(1 + random.below(8))),
  (bytes, random) => spliced(bytes, random, 0, Buffer.alloc(1 + random.below(300), random.below(256))),
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const [classId, methodId] = random.pick(ids);
    if (copy.length >= 4) copy.writeUInt32BE(classId * 65_536 + (random.chance(0.8) ? methodId : random.below(130)), 0);
    return copy;
  },
  (bytes, random) => Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), deepTable(random.below(800))]),
  (_, random) => random.bytes(random.below(64)),
];

/** Mutations of whole frames. */
const frameMutations: readonly ((frames: Buffer[], place: number, random: Random) => void)[] = [
  (frames, place, random) =>
    void frames.splice(place, 1, ...(random.chance(0.5) ? [] : [at(frames, place), at(frames, place)])),
  (frames, place, random) => void frames.splice(random.below(frames.length + 1), 0, ...frames.splice(place, 1)),
  (frames, place, random) =>
    poke(frames, place, (copy) => copy.writeUInt8(random.pick([0, 1, 2, 3, 4, 8, 9, 65, 255]), 0)),
  (frames, place, random) =>
    poke(frames, place, (copy) => copy.writeUInt16BE(random.pick([0, 1, 2, 3, 2047, 2048, 65_535]), 1)),
  (frames, place, random) => poke(frames, place, (copy) => copy.writeUInt32BE(random.pick(oddNumbers), 3)),
  (frames, place, random) => poke(frames, place, (copy) => copy.writeUInt8(random.below(256), copy.length - 1)),
  (frames, place, random) =>
    void frames.splice(place, 1, at(frames, place).subarray(0, random.below(at(frames, place).length))),
  (frames, place, random) => void frames.splice(place, 0, random.bytes(1 + random.below(16))),
  (frames, place) => void frames.splice(place, 0, frame(8, 0, Buffer.alloc(0))),
];

/** Returns a conversation with one or two mutations, mostly of payloads. */
export function mutated(frames: readonly Buffer[], random: Random): Buffer[] {
  const result = [...frames];
  for (let count = random.chance(0.2) ? 2 : 1; count > 0 && result.length > 0; count--) {
    const place = random.below(result.length);
    const bytes = at(result, place);
    if (bytes.length < 8 || random.chance(0.12)) random.pick(frameMutations)(result, place, random);
    else {
      const payload = random.pick(payloadMutations)(bytes.subarray(7, -1), random);
      result[place] = frame(bytes[0] as number, bytes.readUInt16BE(1), payload);
    }
  }
  return result;
}

/** Returns mutated bytes, which are usually not valid frames. */
export function mutatedBytes(bytes: Buffer, random: Random): Buffer {
  return random.pick(payloadMutations)(bytes, random);
}

/** Returns nested tables with correct lengths. */
function deepTable(depth: number): Buffer {
  let table = Buffer.alloc(4);
  for (let level = 0; level < depth; level++) {
    const head = Buffer.from([0, 0, 0, 0, 1, 97, 70]);
    head.writeUInt32BE(table.length + 3, 0);
    table = Buffer.concat([head, table]);
  }
  return table;
}

function changed(bytes: Buffer, random: Random, change: (value: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const place = random.below(copy.length);
  if (copy.length > 0) copy[place] = change(copy[place] as number) & 0xff;
  return copy;
}

function spliced(bytes: Buffer, random: Random, removed: number, added: Buffer): Buffer {
  const place = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + removed)]);
}

function poke(frames: Buffer[], place: number, change: (copy: Buffer) => void): void {
  const copy = Buffer.from(at(frames, place));
  if (copy.length >= 8) change(copy);
  frames[place] = copy;
}

function at(frames: readonly Buffer[], place: number): Buffer {
  return frames[place] as Buffer;
}
