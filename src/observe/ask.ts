// Asks a role in another process whether it is ready, over the HTTP server of server.ts.

import { request as askPlainly, type IncomingMessage } from 'node:http';
import { systemCode, systemReason } from '../errors.ts';
import { timeoutSignal } from '../time.ts';
import type { Readiness } from './health.ts';

/** Maximum number of characters to read from the answer. */
const longestAnswer = 200;

/** Requests /readyz, or the path of the URL. Any error means "not ready". Never rejects. */
export async function askReadiness(url: URL, timeoutMs: number): Promise<Readiness> {
  const address = url.pathname === '/' ? new URL('/readyz', url) : url;
  try {
    const { status, text } = await get(address, timeoutSignal(timeoutMs));
    const [line = ''] = text.split('\n', 1);
    return { isReady: status === 200, why: printable(line) || `HTTP ${status}` };
  } catch (error) {
    return { isReady: false, why: reasonOf(error, timeoutMs) };
  }
}

/** The option is set because otherwise NODE_TLS_REJECT_UNAUTHORIZED could turn the verification off. */
const verified = { rejectUnauthorized: true };

/** Sends a GET request. fetch is not used, because it blocks about sixty ports (Fetch standard, 2.9). */
async function get(url: URL, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const request = url.protocol === 'https:' ? (await import('node:https')).request : askPlainly;
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, signal, ...verified }, (response: IncomingMessage) => {
      const { statusCode: status = 0 } = response;
      let text = '';
      const done = () => {
        resolve({ status, text });
        asked.destroy();
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length >= longestAnswer) done();
      });
      response.on('end', done);
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (isTimeout(error) || (error instanceof Error && isTimeout(error.cause)))
    return `no answer within ${timeoutMs / 1000} s`;
  const code = systemCode(error);
  return code === 'ECONNREFUSED' ? 'connection refused' : `no answer (${code ?? systemReason(error)})`;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** Returns a printable version of the line, because the server may be any web server. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, '?').slice(0, longestAnswer);
}
