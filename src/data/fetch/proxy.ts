// Which proxy an address goes through, from the usual environment variables. Only plain http is
// sent through a proxy: https would need a CONNECT tunnel, which is left out.

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for an http address by http_proxy, HTTP_PROXY and no_proxy; loopback never has one. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const proxy = environment.http_proxy || environment.HTTP_PROXY;
  if (!proxy || url.protocol !== 'http:' || isLoopback(url.hostname)) return undefined;
  if (isExcepted(url.hostname, environment.no_proxy || environment.NO_PROXY || ''))
    return undefined;
  return parseProxy(proxy);
}

function parseProxy(text: string): URL | undefined {
  const address = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(address)) return undefined;
  const parsed = new URL(address);
  return parsed.protocol === 'http:' ? parsed : undefined;
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '[::1]' || /^127\./.test(host);

/** no_proxy lists host names and domains by commas; '*' stands for every host. */
const isExcepted = (host: string, list: string) =>
  list
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .some((entry) => entry === '*' || (entry && (host === entry || host.endsWith(`.${entry}`))));
