import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { conformanceCases } from '../conformance.ts';

const executablePath = '/usr/bin/chromium';

/** WebGPU on SwiftShader, and nothing that goes to the network. */
const args = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('browser.testing.ts', import.meta.url));
  const options = { bundle: true, format: 'esm', platform: 'browser', write: false } as const;
  // A node: module in the bundle would not resolve for this platform.
  const { outputFiles } = await build({ entryPoints: [entry], ...options });
  return outputFiles[0]!.text;
}

/** WebGPU wants a page of a trusted origin; this machine's own is one. */
async function serve(script: string) {
  const server = createServer(({ url }, response) => {
    const type = url === '/page.js' ? 'text/javascript' : 'text/html';
    response.setHeader('Content-Type', type).end(url === '/page.js' ? script : '<!doctype html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

const skip = existsSync(executablePath) ? false : `${executablePath} is not there`;

test('the backend computes the same inside a browser', { skip }, async () => {
  const server = await serve(await bundle());
  const browser = await chromium.launch({ executablePath, args, chromiumSandbox: false });
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    const passed = await page.evaluate(async (path) => {
      const { runCases } = await import(path);
      return (await runCases()) as number;
    }, '/page.js');
    assert.equal(passed, conformanceCases.length);
  } finally {
    await browser.close();
    server.close();
  }
});
