// One GET: redirects, a proxy for plain http, a limit on silence, an end on request. What the
// answer means is the caller's business.
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { environmentError, usageError } from '../../errors.ts';
import { type Environment, proxyFor } from './proxy.ts';

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

export interface GetOptions {
  readonly headers: OutgoingHttpHeaders;
  /** The connection is dropped after this long without a byte, ms. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Where the proxy is looked up; the process's own by default. */
  readonly environment?: Environment;
}

/**
 * The answer to a GET with its body still to be read. Errors that another try cannot mend (a bad
 * address, a loop of redirects) are HrposeErrors; those of the connection are plain ones.
 */
export async function httpGet(address: string, options: GetOptions): Promise<IncomingMessage> {
  let url = parseUrl(address);
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const reply = await getOnce(url, options);
    const { location } = reply.headers;
    if (!redirects.has(reply.statusCode ?? 0) || location === undefined) return reply;
    reply.destroy();
    url = redirectTarget(url, location);
  }
  throw environmentError(
    `download: expected the file after at most ${maxRedirects} redirects, ${address} leads on to ` +
      `${url}. Check the address.`,
  );
}

export function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw usageError(`download: expected an http:// or https:// address, got '${address}'.`);
}

function redirectTarget(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const known = to?.protocol === 'http:' || to?.protocol === 'https:';
  const weaker = from.protocol === 'https:' && to?.protocol === 'http:';
  if (to !== undefined && known && !weaker) return to;
  throw environmentError(
    `download: ${from} redirects to '${location}', which is ${weaker ? 'not encrypted any more' : 'no http(s) address'}. ` +
      'Check the address.',
  );
}

function getOnce(url: URL, options: GetOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { headers, stallMs, signal, environment = process.env } = options;
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send({
      ...route(url, headers, environment),
      agent: false,
      ...(signal && { signal }),
    });
    let reply: IncomingMessage | undefined;
    request.setTimeout(stallMs, () => {
      (reply ?? request).destroy(new Error(`no data for ${stallMs / 1000} s`));
    });
    request.on('response', (message) => {
      reply = message;
      resolve(message);
    });
    request.on('error', reject);
    request.end();
  });
}

function route(url: URL, headers: OutgoingHttpHeaders, environment: Environment): RequestOptions {
  const proxy = proxyFor(url, environment);
  if (proxy === undefined) {
    const { protocol, port } = url;
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    return { protocol, hostname, port, path: url.pathname + url.search, headers };
  }
  const login = proxy.username && `${proxy.username}:${proxy.password}`;
  const authorization = login && {
    'Proxy-Authorization': `Basic ${Buffer.from(decodeURIComponent(login)).toString('base64')}`,
  };
  return {
    hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || 80,
    path: url.href,
    headers: { ...headers, Host: url.host, ...authorization },
  };
}
