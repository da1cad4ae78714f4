import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { httpGet } from './httpGet.ts';
import { proxyFor } from './proxy.ts';

const through = (url: string, environment: Record<string, string>) =>
  proxyFor(new URL(url), environment)?.href;

test('plain http goes through http_proxy, https and the loopback do not', () => {
  const environment = { http_proxy: 'http://proxy.lan:3128', https_proxy: 'http://proxy.lan:3128' };
  assert.equal(through('http://images.example.org/a', environment), 'http://proxy.lan:3128/');
  assert.equal(through('http://images.example.org/a', { HTTP_PROXY: 'p:1' }), 'http://p:1/');
  assert.equal(through('https://images.example.org/a', environment), undefined);
  assert.equal(through('http://127.0.0.1:8000/a', environment), undefined);
  assert.equal(through('http://images.example.org/a', {}), undefined);
  assert.equal(through('http://images.example.org/a', { http_proxy: 'socks5://p:1' }), undefined);
});

test('no_proxy excepts hosts and the domains above them', () => {
  const environment = { http_proxy: 'http://p:1', no_proxy: 'example.org, .lan,host' };
  assert.equal(through('http://images.example.org/', environment), undefined);
  assert.equal(through('http://a.lan/', environment), undefined);
  assert.equal(through('http://host/', environment), undefined);
  assert.equal(through('http://notexample.org/', environment), 'http://p:1/');
  assert.equal(through('http://x/', { http_proxy: 'http://p:1', no_proxy: '*' }), undefined);
});

test('a proxy is asked for the whole address and told the login', async () => {
  let seen: IncomingMessage | undefined;
  const server = createServer((request, response) => {
    seen = request;
    response.end('through');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const environment = { http_proxy: `http://me:s%40cret@127.0.0.1:${port}` };
  const options = { headers: {}, stallMs: 5000, environment };
  try {
    const reply = await httpGet('http://example.invalid/a?b', options);
    reply.resume();
    assert.equal(seen?.url, 'http://example.invalid/a?b');
    assert.equal(seen?.headers.host, 'example.invalid');
    const login = Buffer.from('me:s@cret').toString('base64');
    assert.equal(seen?.headers['proxy-authorization'], `Basic ${login}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
