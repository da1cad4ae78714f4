// Weights by address, against a server on the loopback that cuts, lies and ends.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cacheFolder } from '../cacheFolder.ts';
import { HrposeError } from '../errors.ts';
import { writeSafetensors } from '../formats/safetensors.ts';
import { type Fault, startTestServer, type TestServer } from './fetch/server.testing.ts';
import { type FetchWeightsOptions, localWeights } from './fetchWeights.ts';
import { cachePath, parseWeightAddress, promisedSha256 } from './weightAddress.ts';

const values = Float32Array.from({ length: 50_000 }, (_, i) => Math.sin(i));
const body = writeSafetensors([['a', { dtype: 'F32', shape: [50_000], data: values }]]);
const sha256 = createHash('sha256').update(body).digest('hex');

interface Scene {
  readonly server: TestServer;
  readonly url: string;
  readonly cache: string;
  readonly lines: string[];
  load(place?: string, more?: Partial<FetchWeightsOptions>): Promise<string>;
}

async function withServer(faults: Fault[], play: (scene: Scene) => Promise<void>): Promise<void> {
  const cache = await mkdtemp(join(tmpdir(), 'hrpose-cache-'));
  const page = new TextEncoder().encode('<!DOCTYPE html><p>Not here.');
  const files = new Map([
    ['/w32.safetensors', body],
    ['/w32-0123abcd.safetensors', body],
    ['/page.pth', page],
    ['/empty.pth', new Uint8Array()],
  ]);
  const server = await startTestServer(files, faults);
  const url = `${server.url}/w32.safetensors`;
  const lines: string[] = [];
  const reporter = { update() {}, event() {}, end() {}, line: (text: string) => lines.push(text) };
  const patience = { pauseMs: 1, pollMs: 5 };
  const load: Scene['load'] = (place = url, more = {}) =>
    localWeights(place, { cache, patience, reporter, ...more });
  try {
    await play({ server, url, cache, lines, load });
  } finally {
    await server.close();
    await rm(cache, { recursive: true, force: true });
  }
}

const fails = (exitCode: number, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HrposeError, String(error));
  assert.equal(error.exitCode, exitCode, error.message);
  assert.match(error.message, message);
  return true;
};

const assertWhole = async (file: string) => {
  assert.deepEqual(new Uint8Array(await readFile(file)), body);
  assert.deepEqual(await readdir(dirname(file)), ['w32.safetensors'], 'nothing lies beside it');
};

test('a path is left as it is', async () => {
  assert.equal(await localWeights('output/x/model_final'), 'output/x/model_final');
});

test('an address is fetched once and then found without the server', () =>
  withServer([], async ({ server, load, lines }) => {
    const file = await load();
    await assertWhole(file);
    assert.match(lines.join('\n'), /^w32\.safetensors: fetched, 200 kB; it is kept as \//);
    await server.close();
    assert.equal(await load(), file);
    assert.equal(server.ranges.length, 1);
  }));

test('a download that was cut goes on where it stopped, in a later run as well', () =>
  withServer(
    [{ kind: 'cut', bytes: 60_000 }, ...Array(2).fill({ kind: 'status', status: 503 })],
    async ({ server, load }) => {
      await assert.rejects(load(), fails(4, /failed 3 times in a row.*\n.*by other means/));
      await assertWhole(await load());
      assert.deepEqual(server.ranges, ['', 'bytes=60000-', 'bytes=60000-', 'bytes=60000-']);
    },
  ));

test('a server without ranges is read from the start again', () =>
  withServer([{ kind: 'cut', bytes: 60_000 }, { kind: 'ignoreRange' }], async ({ load, lines }) => {
    await assertWhole(await load());
    assert.match(lines.join('\n'), /starts from the first byte again/);
  }));

test('a checksum in the address is held to', () =>
  withServer([{ kind: 'corrupt' }], async ({ url, server, load }) => {
    await assertWhole(await load(`${url}#sha256=${sha256.toUpperCase()}`));
    assert.equal(server.ranges.length, 2);
    const other = '0'.repeat(64);
    await assert.rejects(
      load(`${url}#sha256=${other}`),
      fails(3, /came through twice, but its sha256 is/),
    );
    await assert.rejects(load(`${url}#md5=12`), fails(2, /expected '#sha256=' and 64 digits/));
  }));

test('without a way to the server the message says from where to where', () =>
  withServer([], async ({ server, url, cache, load }) => {
    await server.close();
    const file = cachePath(parseWeightAddress(url), cache);
    await assert.rejects(load(), (error: HrposeError) => {
      assert.equal(error.exitCode, 4);
      assert.ok(error.message.includes(`  from  ${url}\n  to    ${file}\n`), error.message);
      return true;
    });
    // As a person does who follows it.
    await writeFile(file, body);
    assert.equal(await load(), file);
  }));

test('what the server does not have, or has instead of weights, is not kept', () =>
  withServer([], async ({ server, cache, load }) => {
    await assert.rejects(load(`${server.url}/none.pth`), fails(4, /got 404/));
    await assert.rejects(load(`${server.url}/page.pth`), fails(3, /begin with "<!DOCTYPE html>/));
    await assert.rejects(load(`${server.url}/empty.pth`), fails(3, /got 0 bytes/));
    const left = await readdir(join(cache, 'weights'), { recursive: true });
    assert.deepEqual(
      left.filter((name) => name.endsWith('.pth')),
      [],
    );
  }));

test('a name that promises another SHA-256 is warned about', () =>
  withServer([], async ({ server, load, lines }) => {
    await load(`${server.url}/w32-0123abcd.safetensors`);
    assert.match(lines.at(-1)!, /promises a SHA-256 that begins with 0123abcd, got /);
  }));

test('several at once fetch once', () =>
  withServer([{ kind: 'cut', bytes: 60_000 }], async ({ server, load, lines }) => {
    const files = await Promise.all([load(), load(), load()]);
    assert.equal(new Set(files).size, 1);
    await assertWhole(files[0]!);
    assert.equal(server.ranges.length, 2);
    assert.match(lines.join('\n'), /another process is fetching it/);
  }));

test('the lock of a process that is gone is taken over, that of one that lives is waited for', () =>
  withServer([], async ({ url, cache, load }) => {
    const file = cachePath(parseWeightAddress(url), cache);
    const lock = `${file}.lock`;
    await mkdir(dirname(file), { recursive: true });
    // Process numbers end below 2^22 on Linux, and this is one that never is.
    await writeFile(lock, `${2 ** 30} ${hostname()} x\n`);
    await assertWhole(await load());
    await rm(file);
    await writeFile(lock, `${process.pid} ${hostname()} x\n`);
    const signal = AbortSignal.timeout(100);
    await assert.rejects(load(url, { signal }), fails(130, /another process held/));
    assert.ok(existsSync(lock));
  }));

test('the cache is where the environment says, and two addresses never share a file', () => {
  assert.equal(cacheFolder({ HRPOSE_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a');
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/b' }), join('/b', 'hrpose'));
  assert.match(cacheFolder({ XDG_CACHE_HOME: 'relative' }), /\.cache.hrpose$/);
  const place = (url: string) => cachePath(parseWeightAddress(url), '/c');
  assert.match(place('https://h.org/x/a.pth'), /^.c.weights.h\.org-[0-9a-f]{8}.a\.pth$/);
  assert.notEqual(place('https://h.org/x/a.pth'), place('https://h.org/y/a.pth'));
  assert.notEqual(place('https://h.org/a.pth?v=1'), place('https://h.org/a.pth?v=2'));
  assert.match(
    place('https://h.org/..%2f..%2fetc/%2e%2e%2fpasswd'),
    /^.c.weights.[^/\\]+.[^/\\]+$/,
  );
  assert.match(place('https://h.org/'), /weights$/);
});

test('hashes in published names are known from dates', () => {
  assert.equal(promisedSha256('hrnet_w32-36af842e.pth'), '36af842e');
  assert.equal(promisedSha256('hrnet_w32_coco_384x288-d9f0d786_20200708.pth'), 'd9f0d786');
  assert.equal(promisedSha256('model-20200708.pth'), undefined);
  assert.equal(promisedSha256('Trunc_HRNet_W32_C_pretrained.pdparams'), undefined);
});

test('an address with a password is refused without repeating it', async () => {
  await assert.rejects(localWeights('https://me:secret@h.org/a.pth'), (error: HrposeError) => {
    assert.equal(error.exitCode, 2);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});
