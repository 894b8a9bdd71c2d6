// Gets a token from an OAuth 2 server by the client credentials grant.

import { type RequestOptions, request as requestPlainly } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { getCACertificates } from 'node:tls';
import { keepSecret } from '../config/redact.ts';
import { MqError, systemCode } from '../errors.ts';
import { time } from '../time.ts';
import type { ClientCredentials } from './login.ts';
import { tlsContent } from './tls.ts';
import { isTlsFailure, tlsFailure } from './tls-failure.ts';
import { type IssuedToken, issuedToken } from './token.ts';

/** Time limit of the request in milliseconds. */
const limitMs = 15_000;
const mostBytes = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Requests a token.
 * @throws MqError USAGE for an invalid URL, NOT_PERMITTED if the server refuses the client, UNAVAILABLE, HOST_UNKNOWN,
 * DEADLINE or TLS if it does not answer, and BAD_DATA if the answer has no token
 */
export async function tokenFromServer(client: ClientCredentials): Promise<IssuedToken> {
  keepSecret(client.clientSecret);
  const url = serverUrl(client);
  const { status, text } = await answerOf(url, client);
  if (status !== 200) throw refusal(url, { status, text });
  if (text.trimStart().startsWith('{')) return issuedToken(text, serverName(url));
  throw new MqError('BAD_DATA', `${serverName(url)}: the answer is not a JSON object`, {
    hint: 'check MQ_OAUTH_TOKEN_URL; it is the token endpoint, not the page of the server',
  });
}

/** The client secret is sent to this URL, so it must use TLS or lead to this machine. */
function serverUrl({ url: given, from }: ClientCredentials): URL {
  const url = URL.parse(given);
  const isLocal = url !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const isFit = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal));
  if (isFit && url.username === '' && url.password === '') return url;
  throw new MqError('USAGE', `the token URL of ${from} is not an https:// URL without a user`, {
    at: from,
    hint: 'http:// is accepted for localhost only; the client is named by MQ_OAUTH_CLIENT_ID and MQ_OAUTH_CLIENT_SECRET',
  });
}

async function answerOf(url: URL, client: ClientCredentials): Promise<Answer> {
  const { scope, audience, ca } = client;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  }).toString();
  const authority = ca === undefined ? {} : await tlsContent({ ca });
  const options = {
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: basicOf(client),
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(form)),
    },
    // The option is always set, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
    rejectUnauthorized: true,
    // The server may have a public certificate although the broker has one of a private authority.
    ...(authority.ca && { ca: [...getCACertificates('default'), authority.ca.toString()] }),
  };
  return posted(url, form, options);
}

/** RFC 6749, 2.3.1: both are form-encoded before they are joined. */
function basicOf({ clientId, clientSecret }: ClientCredentials): string {
  const encoded = [clientId, clientSecret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
  const pair = encoded.join(':');
  keepSecret(pair);
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function posted(url: URL, form: string, options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? requestSecurely : requestPlainly;
    const request = open(url, options);
    const fail = (error: Error) => {
      timer.cancel();
      request.destroy();
      reject(error instanceof MqError ? error : failureOf(url, error));
    };
    const timer = time.after(limitMs, () =>
      fail(new MqError('DEADLINE', `${serverName(url)} has not answered in ${limitMs / 1000} s`)),
    );
    request.on('error', fail);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', fail);
      response.on('data', (part: string) => {
        text += part;
        if (text.length > mostBytes)
          fail(new MqError('BAD_DATA', `${serverName(url)}: the answer is larger than 1 MiB`));
      });
      response.on('end', () => {
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    request.end(form);
  });
}

function serverName(url: URL): string {
  return `the token server at ${url.host}`;
}

/** RFC 6749, 5.2: the code of the error consists of letters and `_`. Its description may contain anything. */
function refusal(url: URL, { status, text }: Answer): MqError {
  const code = /"error"\s*:\s*"([a-z_]{1,50})"/.exec(text)?.[1];
  if (status >= 500 || status === 429)
    return new MqError('UNAVAILABLE', `${serverName(url)} answered ${status}`, { hint: 'try again later' });
  return new MqError('NOT_PERMITTED', `${serverName(url)} refused a token: ${code ?? 'HTTP'} (${status})`, {
    hint: 'check MQ_OAUTH_TOKEN_URL, MQ_OAUTH_CLIENT_ID, MQ_OAUTH_CLIENT_SECRET and MQ_OAUTH_SCOPE',
  });
}

function failureOf(url: URL, error: Error): MqError {
  const code = systemCode(error) ?? '';
  const at = serverName(url);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new MqError('HOST_UNKNOWN', `${at}: unknown host`);
  if (code === 'ECONNREFUSED') return new MqError('UNAVAILABLE', `${at}: connection refused`);
  if (isTlsFailure(code, error.message)) {
    const { message, hint } = tlsFailure(code, error.message, 'use http:// for a token server on this machine only');
    return new MqError('TLS', `${at}: ${message}`, { hint });
  }
  return new MqError('UNAVAILABLE', `${at}: the connection failed: ${code || error.message}`);
}
