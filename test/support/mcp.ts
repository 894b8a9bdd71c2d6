// Clients of mq mcp: the client of the SDK, which speaks the newest protocol, and lines of the oldest one.

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { type Served, withManagement } from './management.ts';
import { emptyFolder, executable, type MqResult, startMq } from './mq.ts';

export interface ToolResult {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: Readonly<Record<string, unknown>>;
}

export interface ListedTool {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, unknown>> | undefined;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface McpPeer {
  readonly protocol: string | undefined;
  tools(): Promise<readonly ListedTool[]>;
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolResult>;
}

export interface McpPlace {
  readonly options?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `use` with a client of the newest protocol. */
export async function withNewClient(place: McpPlace, use: (peer: McpPeer) => Promise<void>): Promise<void> {
  const { options = [], cwd, env } = place;
  const transport = new StdioClientTransport({
    command: executable,
    args: ['mcp', ...options],
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
    cwd,
  });
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(transport, { timeout: 600_000 });
  try {
    await use({
      protocol: client.getNegotiatedProtocolVersion(),
      tools: async () => (await client.listTools()).tools,
      call: async (name, args) => resultOf(await client.callTool({ name, arguments: args }, { timeout: 600_000 })),
    });
  } finally {
    await client.close();
  }
}

export interface OldPeer extends McpPeer {
  /** Sends a request without waiting for the response. */
  send(method: string, params: unknown): void;
  kill(signal: NodeJS.Signals): void;
  /** Closes standard input. */
  close(): void;
  readonly ended: Promise<MqResult>;
}

/** Starts mq mcp, and greets it with the protocol of 2024-11-05. */
export async function oldClient({ options = [], cwd, env }: McpPlace): Promise<OldPeer> {
  const running = startMq(['mcp', ...options], { cwd, env: { HOME: cwd, ...env } });
  const write = (message: object) => running.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  let last = 0;
  const request = async (method: string, params: unknown) => {
    last += 1;
    const id = last;
    write({ id, method, params });
    const stdout = await running.prints(new RegExp(`"id":${id}[,}].*\\n|"id":${id}}`));
    const answers = stdout.split('\n').filter((line) => line.endsWith('}'));
    const answer = answers.map((line) => JSON.parse(line)).find((one) => one.id === id);
    if (answer.error !== undefined) throw new Error(answer.error.message);
    return answer.result;
  };
  const clientInfo = { name: 'test', version: '1' };
  const greeting = await request('initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo });
  write({ method: 'notifications/initialized' });
  return {
    protocol: greeting.protocolVersion,
    tools: async () => (await request('tools/list', {})).tools,
    call: async (name, args) => resultOf(await request('tools/call', { name, arguments: args })),
    send: (method, params) => void write({ id: 'sent', method, params }),
    kill: (signal) => running.kill(signal),
    close: () => void running.stdin.end(),
    ended: running.ended,
  };
}

/** Runs `use` with a broker, its HTTP API and a folder with this rascal.json. */
export function withMcpPlace(
  config: object,
  use: (served: Served, place: McpPlace) => Promise<void>,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  return withManagement(async (served) => {
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), ...files });
    const env = {
      MQ_URL: served.place.url(),
      MQ_MANAGEMENT_URL: `http://guest:guest@127.0.0.1:${served.management.port}`,
    };
    await use(served, { cwd, env });
  });
}

function resultOf(result: unknown): ToolResult {
  const {
    isError = false,
    content = [],
    structuredContent = {},
  } = result as {
    isError?: boolean;
    content?: readonly { text?: string }[];
    structuredContent?: ToolResult['structured'];
  };
  return { isError, text: content.map(({ text = '' }) => text).join('\n'), structured: structuredContent };
}
