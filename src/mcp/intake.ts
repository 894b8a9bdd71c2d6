// Reads the lines of the client. Answers those that are not messages of the protocol, which the package only ignores.

import { type Readable, Transform, type TransformCallback, type Writable } from 'node:stream';
import { isInitializeRequest, ProtocolErrorCode, parseJSONRPCMessage } from '@modelcontextprotocol/server';
import { isObject } from '../config/plain.ts';
import { MqError } from '../errors.ts';

/** Largest line in bytes, which is the limit of the package, too. */
const mostLine = 10 * 1024 ** 2;

/** Passes valid lines on, one in each chunk. Fails with BAD_DATA after a line that is too long. */
export class Intake extends Transform {
  readonly #stdout: Writable;
  readonly #say: (text: string) => void;
  /** The beginning of a line. */
  #chunks: Buffer[] = [];
  #length = 0;
  /** Error that ended the intake. */
  failure: MqError | undefined;

  constructor(stdin: Readable, { stdout, say }: { stdout: Writable; say: (text: string) => void }) {
    super();
    this.#stdout = stdout;
    this.#say = say;
    stdin.on('error', (error) => this.destroy(error));
    stdin.on('close', () => this.end());
    stdin.pipe(this);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (!this.#keep(chunk.subarray(start, end))) break;
      const line = Buffer.concat(this.#chunks).toString();
      [this.#chunks, this.#length] = [[], 0];
      this.#receive(line);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    done();
  }

  /** Adds bytes to the line. Returns `false`, and ends the intake, if the line becomes too long. */
  #keep(bytes: Buffer): boolean {
    if (this.failure) return false;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    if (this.#length <= mostLine) return true;
    this.#chunks = [];
    this.failure = new MqError('BAD_DATA', `the client sent a line of more than ${mostLine} bytes`);
    this.push(null);
    return false;
  }

  #receive(line: string): void {
    if (line.trim() === '') return;
    const fault = faultOf(line);
    if (fault === undefined) {
      this.push(`${line}\n`);
      return;
    }
    const { id, code, message } = fault;
    this.#say(`refused a line of the client: ${message}`);
    this.#stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })}\n`);
  }
}

interface Fault {
  readonly id: string | number | null;
  readonly code: number;
  readonly message: string;
}

/** Returns the error of JSON-RPC 2.0 (5.1) for a line, or `undefined` if the package can read it. */
function faultOf(line: string): Fault | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { id: null, code: ProtocolErrorCode.ParseError, message: 'the line is not JSON' };
  }
  if (Array.isArray(value)) return invalid(null, 'mq does not accept batches');
  if (!isObject(value)) return invalid(null, 'the line is not an object');
  const { id: given, jsonrpc, method, params } = value;
  const id = typeof given === 'string' || typeof given === 'number' ? given : null;
  if (jsonrpc !== '2.0') return invalid(id, '"jsonrpc" is not "2.0"');
  if (typeof method === 'string' && id !== null) {
    const isWrong = params !== undefined && !isObject(params);
    // The package would answer with -32603 and the output of its validator.
    if (isWrong || (method === 'initialize' && !isInitializeRequest(value)))
      return { id, code: ProtocolErrorCode.InvalidParams, message: `the "params" of ${method} are missing or invalid` };
  }
  try {
    parseJSONRPCMessage(value);
    return undefined;
  } catch {
    return invalid(id, 'the line is not a message of the protocol');
  }
}

function invalid(id: Fault['id'], message: string): Fault {
  return { id, code: ProtocolErrorCode.InvalidRequest, message };
}
