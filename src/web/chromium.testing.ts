// A headless Chromium for tests, and a server of this machine's own for its pages: browsers offer WebGPU
// to trusted addresses only. Used by tests only.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { webScript } from './webScript.testing.ts';

const executablePath = '/usr/bin/chromium';

/** The reason to skip, where there is no Chromium. */
export const skip = existsSync(executablePath)
  ? false
  : `${executablePath} is not there: npm run test:browser installs it`;

/** Nothing that goes to the network. */
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];
/**
 * WebGPU on SwiftShader. It would fill a kernel's workgroup memory with one store an element, which takes it
 * half a second to compile where the kernel itself takes 25 ms; kernels write that memory before they
 * read it.
 */
const webgpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-dawn-features=disable_workgroup_init',
];

/** Ends with the tests of the file. */
export async function launch(options: { readonly withoutWebGpu?: boolean } = {}): Promise<Browser> {
  const args = options.withoutWebGpu
    ? [...quiet, '--disable-features=WebGPU']
    : [...quiet, ...webgpu];
  const more = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const browser = await chromium.launch({
    executablePath,
    args: [...args, ...more],
    chromiumSandbox: false,
  });
  after(() => browser.close());
  return browser;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

/** Serves folders under their names until the tests of the file are over; gives the address. */
export async function serve(folders: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    if (path === '/')
      return void response.setHeader('Content-Type', 'text/html').end('<!doctype html>');
    const [, name = '', ...rest] = path.split('/');
    const folder = folders[name];
    const file = folder && join(folder, rest.join('/') || 'index.html');
    if (!file?.startsWith(folder) || !existsSync(file)) return void response.writeHead(404).end();
    response.setHeader('Content-Type', types[extname(file)] ?? 'application/octet-stream');
    response.end(await readFile(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** page.testing.ts as one file for a page. */
export async function bundleChecks(folder: string): Promise<void> {
  const { bundleModule } = await webScript();
  const assert = fileURLToPath(new URL('assert.testing.ts', import.meta.url));
  await bundleModule('src/web/page.testing.ts', folder, 'checks.js', {
    'node:assert/strict': assert,
  });
}
