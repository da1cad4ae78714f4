// fetchFile against a server on the loopback that cuts, corrupts, stalls and lies.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HrposeError } from '../errors.ts';
import { type Fault, startTestServer, type TestServer } from './fetch/server.testing.ts';
import { type FetchJob, fetchFile } from './fetchFile.ts';

/** Bytes without a period, so that a piece in the wrong place changes the checksum. */
const body = new Uint8Array(200_000).map((_, i) => (i * i * 31 + (i >> 8) * 7) & 255);
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

interface Scene {
  readonly server: TestServer;
  readonly folder: string;
  readonly file: string;
  readonly notes: string[];
  job(more?: Partial<FetchJob>): FetchJob;
}

async function withServer(
  faults: Fault[],
  play: (scene: Scene) => Promise<void>,
  etag?: () => string | undefined,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-fetch-'));
  const server = await startTestServer(new Map([['/a.zip', body]]), faults, etag);
  const file = join(folder, 'deep', 'a.zip');
  const notes: string[] = [];
  const job = (more: Partial<FetchJob> = {}): FetchJob => ({
    url: `${server.url}/a.zip`,
    file,
    checksum: { algorithm: 'md5', hex: md5(body) },
    pauseMs: 1,
    onNote: (text) => notes.push(text),
    ...more,
  });
  try {
    await play({ server, folder, file, notes, job });
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function assertFetched({ folder, file }: Scene): Promise<void> {
  assert.deepEqual(new Uint8Array(await readFile(file)), body);
  assert.deepEqual(await readdir(join(folder, 'deep')), ['a.zip'], 'nothing lies beside the file');
}

const fails = (exitCode: number, message: RegExp) => (error: unknown) => {
  assert.equal((error as HrposeError).exitCode, exitCode, String(error));
  assert.match((error as Error).message, message);
  return true;
};

test('a file is fetched, verified and not asked for again', () =>
  withServer([], async (scene) => {
    const seen: string[] = [];
    const onProgress: FetchJob['onProgress'] = (phase, done, total) =>
      seen.push(`${phase} ${done}/${total}`);
    assert.equal(await fetchFile(scene.job({ onProgress })), 'fetched');
    await assertFetched(scene);
    assert.ok(seen.includes('fetch 200000/200000') && seen.includes('verify 200000/200000'));
    assert.equal(await fetchFile(scene.job()), 'present');
    assert.equal(scene.server.ranges.length, 1);
  }));

test('a cut connection is continued from the byte that was reached', () =>
  withServer(
    [
      { kind: 'cut', bytes: 50_000 },
      { kind: 'cut', bytes: 70_000 },
    ],
    async (scene) => {
      await fetchFile(scene.job());
      await assertFetched(scene);
      assert.deepEqual(scene.server.ranges, ['', 'bytes=50000-', 'bytes=120000-']);
      assert.match(scene.notes[0] ?? '', /the connection was cut; try 2 of 5 from byte 50000 on/);
    },
  ));

test('a server that ignores Range is read from the start again', () =>
  withServer([{ kind: 'cut', bytes: 50_000 }, { kind: 'ignoreRange' }], async (scene) => {
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.match(scene.notes.join('\n'), /starts from the first byte again/);
  }));

test('a part with another Content-Range than asked for is not used', () =>
  withServer([{ kind: 'cut', bytes: 50_000 }, { kind: 'wrongRange' }], async (scene) => {
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.deepEqual(scene.server.ranges, ['', 'bytes=50000-', '']);
  }));

test('a file that changed on the server in between is not mixed', () => {
  const etags = ['"old"', '"new"'];
  return withServer(
    [{ kind: 'cut', bytes: 50_000 }],
    async (scene) => {
      await fetchFile(scene.job({ bytes: body.length }));
      await assertFetched(scene);
    },
    () => etags.shift(),
  );
});

test('without checksum and version the bytes of an earlier attempt are not trusted', () =>
  withServer(
    [{ kind: 'cut', bytes: 50_000 }],
    async (scene) => {
      const { checksum: _, ...job } = scene.job();
      await fetchFile(job);
      await assertFetched(scene);
      assert.deepEqual(scene.server.ranges, ['', '']);
    },
    () => undefined,
  ));

test('a silent connection is dropped and continued', () =>
  withServer([{ kind: 'stall', bytes: 30_000 }], async (scene) => {
    await fetchFile(scene.job({ stallMs: 150 }));
    await assertFetched(scene);
    assert.match(scene.notes[0] ?? '', /no data for 0.15 s/);
    assert.equal(scene.server.ranges[1], 'bytes=30000-');
  }));

test('corrupt bytes are fetched once more from the start', () =>
  withServer([{ kind: 'corrupt' }], async (scene) => {
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.deepEqual(scene.server.ranges, ['', '']);
    assert.match(scene.notes[0] ?? '', /md5 is [0-9a-f]{32}, expected/);
  }));

test('bytes that are corrupt twice are an error and are not kept', () =>
  withServer([{ kind: 'corrupt' }, { kind: 'corrupt' }], async (scene) => {
    await assert.rejects(fetchFile(scene.job()), fails(3, /came through twice, but its md5 is/));
    assert.deepEqual(await readdir(join(scene.folder, 'deep')), []);
  }));

test('a server that goes on failing is given up, with what arrived kept', () =>
  withServer(
    [{ kind: 'cut', bytes: 50_000 }, ...Array(3).fill({ kind: 'status', status: 503 })],
    async (scene) => {
      await assert.rejects(
        fetchFile(scene.job({ attempts: 4 })),
        fails(4, /failed 4 times in a row, at last with: HTTP status 503/),
      );
      assert.equal((await readFile(`${scene.file}.part`)).length, 50_000);
      await fetchFile(scene.job());
      await assertFetched(scene);
      assert.equal(scene.server.ranges.at(-1), 'bytes=50000-');
    },
  ));

test('attempts that bring a mebibyte each are not counted against the limit', async () => {
  const large = new Uint8Array(5 << 20).map((_, i) => (i * 7 + (i >> 9)) & 255);
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-fetch-'));
  const faults = Array.from({ length: 4 }, (): Fault => ({ kind: 'cut', bytes: (1 << 20) + 100 }));
  const server = await startTestServer(new Map([['/a.zip', large]]), faults);
  try {
    const url = `${server.url}/a.zip`;
    const checksum = { algorithm: 'sha256', hex: createHash('sha256').update(large).digest('hex') };
    const file = join(folder, 'a.zip');
    await fetchFile({ url, file, attempts: 2, pauseMs: 1, checksum: checksum as never });
    assert.equal(server.ranges.length, 5);
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test('a refusal is final', () =>
  withServer([{ kind: 'status', status: 403 }], async (scene) => {
    await assert.rejects(fetchFile(scene.job()), fails(4, /status 200 or 206, got 403/));
    assert.equal(scene.server.ranges.length, 1);
  }));

test('redirects are followed a limited number of times, and to web addresses only', async () => {
  const to = (location: string): Fault => ({
    kind: 'status',
    status: 302,
    headers: { Location: location },
  });
  await withServer([to('/a.zip'), to('a.zip')], async (scene) => {
    await fetchFile(scene.job());
    await assertFetched(scene);
  });
  await withServer(Array(9).fill(to('/a.zip')), async (scene) => {
    await assert.rejects(fetchFile(scene.job()), fails(4, /at most 5 redirects/));
    assert.equal(scene.server.ranges.length, 6);
  });
  await withServer([to('file:///etc/passwd')], async (scene) => {
    await assert.rejects(fetchFile(scene.job()), fails(4, /no http\(s\) address/));
  });
});

test('a server that announces more than it has is given up', () =>
  withServer(Array(3).fill({ kind: 'length', announced: 300_000 }), async (scene) => {
    await assert.rejects(
      fetchFile(scene.job({ attempts: 3 })),
      fails(4, /failed 3 times in a row/),
    );
  }));

test('a server that announces less than it has ends in a checksum error', () =>
  withServer(Array(2).fill({ kind: 'length', announced: 1000 }), async (scene) => {
    await assert.rejects(fetchFile(scene.job({ attempts: 2 })), fails(3, /its md5 is/));
  }));

test('a body without end is stopped at twice the expected size', () =>
  withServer([{ kind: 'endless' }], async (scene) => {
    await assert.rejects(
      fetchFile(scene.job({ bytes: body.length })),
      fails(4, /more than 400000 bytes/),
    );
    assert.ok((await readFile(`${scene.file}.part`)).length <= 400_000);
  }));

test('a part that was complete already only needs to be verified', () =>
  withServer([], async (scene) => {
    await fetchFile(scene.job());
    await writeFile(`${scene.file}.part`, body);
    await rm(scene.file);
    const state = { url: `${scene.server.url}/a.zip` };
    await writeFile(`${scene.file}.part.json`, JSON.stringify(state));
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.equal(
      scene.server.ranges.at(-1),
      'bytes=200000-',
      'the server said: nothing is missing',
    );
    assert.equal(scene.notes.length, 0);
  }));

test('a part of another address is not continued', () =>
  withServer([], async (scene) => {
    await fetchFile(scene.job());
    await rm(scene.file);
    await writeFile(`${scene.file}.part`, body.subarray(0, 99));
    await writeFile(`${scene.file}.part.json`, '{"url":"http://example.org/a.zip"}');
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.equal(scene.server.ranges.at(-1), '');
  }));

test('a file with the wrong bytes under the final name is replaced', () =>
  withServer([], async (scene) => {
    await fetchFile(scene.job());
    await writeFile(scene.file, 'something else');
    assert.equal(await fetchFile(scene.job()), 'fetched');
    await assertFetched(scene);
    assert.match(scene.notes[0] ?? '', /is there, but its md5 is/);
  }));

test('too little space is said before a byte is written', () =>
  withServer([], async (scene) => {
    const freeBytes = async () => 150_000;
    await assert.rejects(
      fetchFile(scene.job({ freeBytes })),
      fails(4, /needs 200 kB under .*, the disk has 150 kB left\. Free 50.0 kB/),
    );
    assert.ok(!existsSync(`${scene.file}.part`));
  }));

test('a stop keeps what arrived and the next run goes on', () =>
  withServer([{ kind: 'stall', bytes: 60_000 }], async (scene) => {
    const controller = new AbortController();
    const onProgress = (_: string, done: number) => done === 60_000 && controller.abort();
    await assert.rejects(
      fetchFile(scene.job({ signal: controller.signal, onProgress: onProgress as never })),
      fails(130, /a\.zip\.part keeps 60\.0 kB of/),
    );
    await fetchFile(scene.job());
    await assertFetched(scene);
    assert.equal(scene.server.ranges.at(-1), 'bytes=60000-');
  }));

test('a stop during a pause does not wait for its end', () =>
  withServer([{ kind: 'status', status: 500 }], async (scene) => {
    const signal = AbortSignal.timeout(100);
    const begin = Date.now();
    await assert.rejects(fetchFile(scene.job({ pauseMs: 60_000, signal })), fails(130, /stopped/));
    assert.ok(Date.now() - begin < 10_000);
  }));

test('an address that is no web address is a usage error', async () => {
  const file = join(tmpdir(), 'hrpose-never-written');
  await assert.rejects(fetchFile({ url: 'ftp://x/y', file }), fails(2, /http:\/\/ or https:\/\//));
});
