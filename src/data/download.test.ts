// The whole way of downloadArchives with small archives from a server on the loopback.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HrposeError } from '../errors.ts';
import { type ArchiveOptions, downloadArchives, downloadCoco } from './download.ts';
import { type Archive, cocoArchives } from './fetch/cocoArchives.ts';
import type { Reporter } from './fetch/reporter.ts';
import { type Fault, startTestServer, type TestServer } from './fetch/server.testing.ts';
import { buildZip } from './zip/buildZip.testing.ts';

const picture = (i: number) => new Uint8Array(3000).map((_, n) => (n * n * 7 + i * 13) & 255);
const names = ['a.jpg', 'b.jpg', 'c.jpg'];

const zip = (folder: string) =>
  buildZip(names.map((name, i) => ({ name: `${folder}/${name}`, data: picture(i) })));

function describeArchive(folder: string, bytes: Uint8Array): Archive {
  const md5 = createHash('md5').update(bytes).digest('hex');
  const size = {
    bytes: bytes.length,
    extractedBytes: 9000,
    files: names.length,
    extension: '.jpg',
  } as const;
  return { name: `${folder}.zip`, path: `/zips/${folder}.zip`, folder, md5, ...size };
}

interface Scene {
  readonly out: string;
  readonly lines: string[];
  readonly server: TestServer;
  readonly archives: Archive[];
  run(more?: Partial<ArchiveOptions>): ReturnType<typeof downloadArchives>;
}

async function withServer(faults: Fault[], play: (scene: Scene) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'hrpose-coco-'));
  const folders = ['val2017', 'train2017'];
  const files = new Map(folders.map((folder) => [`/zips/${folder}.zip`, zip(folder)]));
  const server = await startTestServer(files, faults);
  const archives = folders.map((f) => describeArchive(f, files.get(`/zips/${f}.zip`)!));
  const lines: string[] = [];
  const reporter: Reporter = {
    update: () => {},
    line: (text) => lines.push(text),
    event: () => {},
    end: () => {},
  };
  const out = join(root, 'dataset', 'coco');
  const options = {
    out,
    baseUrl: `${server.url}/`,
    reporter,
    patience: { pauseMs: 1, attempts: 3 },
  };
  try {
    const run: Scene['run'] = (more) => downloadArchives(archives, { ...options, ...more });
    await play({ out, lines, server, archives, run });
  } finally {
    await server.close();
    await rm(root, { recursive: true, force: true });
  }
}

async function assertExtracted(out: string): Promise<void> {
  for (const folder of ['val2017', 'train2017']) {
    assert.deepEqual((await readdir(join(out, folder))).sort(), names);
    for (const [i, name] of names.entries()) {
      assert.deepEqual(new Uint8Array(await readFile(join(out, folder, name))), picture(i));
    }
  }
}

const fails = (exitCode: number, message: RegExp) => (error: unknown) => {
  assert.equal((error as HrposeError).exitCode, exitCode, String(error));
  assert.match((error as Error).message, message);
  return true;
};

test('archives are fetched over a bad line, extracted and removed', () =>
  withServer(
    [{ kind: 'cut', bytes: 2000 }, { kind: 'ignoreRange' }, { kind: 'corrupt' }],
    async ({ out, lines, run }) => {
      const parts = await run();
      assert.deepEqual(
        parts.map(({ folder, files, outcome }) => [folder, files, outcome]),
        [
          ['val2017', 3, 'extracted'],
          ['train2017', 3, 'extracted'],
        ],
      );
      await assertExtracted(out);
      assert.deepEqual((await readdir(out)).sort(), [
        '.train2017.done.json',
        '.val2017.done.json',
        'train2017',
        'val2017',
      ]);
      assert.match(
        lines.at(-1) ?? '',
        /coco is complete: val2017 \(3 files\), train2017 \(3 files\)/,
      );
    },
  ));

test('a second run asks the server for nothing and says so', () =>
  withServer([], async ({ lines, server, run }) => {
    await run();
    const requests = server.ranges.length;
    lines.length = 0;
    const parts = await run();
    assert.ok(parts.every(({ outcome }) => outcome === 'present'));
    assert.equal(server.ranges.length, requests);
    assert.match(lines[0] ?? '', /val2017: already fetched and extracted, nothing to do/);
  }));

test('a folder that lost a file is completed, with what is there kept', () =>
  withServer([], async ({ out, lines, run }) => {
    await run({ keepArchives: true });
    await unlink(join(out, 'train2017', 'b.jpg'));
    await writeFile(join(out, 'train2017', 'notes.txt'), 'no picture');
    await run();
    await unlink(join(out, 'train2017', 'notes.txt'));
    await assertExtracted(out);
    assert.match(lines.join('\n'), /train2017: 3 files extracted, 2 were there/);
    assert.ok(existsSync(join(out, 'val2017.zip')), 'nothing was done to the other part');
    assert.ok(!existsSync(join(out, 'train2017.zip')));
  }));

test('a folder that was filled by other means is taken as it is', () =>
  withServer([], async ({ out, server, run }) => {
    for (const folder of ['val2017', 'train2017']) {
      await mkdir(join(out, folder), { recursive: true });
      for (const name of names) await writeFile(join(out, folder, name), 'own');
    }
    assert.ok((await run()).every(({ outcome }) => outcome === 'present'));
    assert.equal(server.ranges.length, 0);
  }));

test('without a server the error says which file to put where, and doing so works', () =>
  withServer([], async ({ out, archives, server, run }) => {
    await server.close();
    const url = `${server.url}/zips/val2017.zip`;
    const advice = new RegExp(
      `failed 3 times in a row[\\s\\S]*from {2}${url}\\n {2}to {4}${join(out, 'val2017.zip')}\\n {2}md5 {3}${archives[0]!.md5}`,
    );
    await assert.rejects(run(), fails(4, advice));
    for (const { name, folder } of archives) await writeFile(join(out, name), zip(folder));
    await run();
    await assertExtracted(out);
  }));

test('a file put there by hand with other bytes is not extracted', () =>
  withServer([], async ({ out, lines, archives, server, run }) => {
    await server.close();
    await mkdir(out, { recursive: true });
    await writeFile(join(out, archives[0]!.name), zip('other'));
    await assert.rejects(run(), fails(4, /failed 3 times in a row/));
    assert.match(lines[0] ?? '', /val2017.zip is there, but its md5 is [0-9a-f]{32}, expected/);
    assert.ok(!existsSync(join(out, 'other')));
  }));

test('space is asked for all parts before the first request', () =>
  withServer([], async ({ archives, server, run }) => {
    const [val, train] = archives.map(({ bytes }) => bytes) as [number, number];
    // The second archive beside both folders; with kept archives both beside both.
    const peak = 9000 + train + 9000;
    const freeBytes = (free: number) => async () => free;
    await assert.rejects(
      run({ freeBytes: freeBytes(peak - 1) }),
      fails(4, /val2017, train2017: needs/),
    );
    const kept = { keepArchives: true, freeBytes: freeBytes(peak + val - 1) };
    await assert.rejects(run(kept), fails(4, /Free 1 B or choose another folder/));
    assert.equal(server.ranges.length, 0);
    await run({ freeBytes: freeBytes(peak) });
  }));

test('a stop is an error of its own, and the next run goes on', () =>
  withServer([{ kind: 'stall', bytes: 4000 }], async ({ out, server, run }) => {
    await assert.rejects(run({ signal: AbortSignal.timeout(200) }), fails(130, /stopped/));
    await run();
    await assertExtracted(out);
    assert.equal(server.ranges[1], 'bytes=4000-');
  }));

test('an address of a mirror must be a web address', () =>
  withServer([], async ({ run }) => {
    await assert.rejects(run({ baseUrl: '/mnt/mirror' }), fails(2, /http:\/\/ or https:\/\//));
  }));

test('downloadCoco finds complete folders without a request and with --json prints events', async () => {
  const out = await mkdtemp(join(tmpdir(), 'hrpose-coco-'));
  try {
    await mkdir(join(out, 'annotations'));
    for (let i = 0; i < cocoArchives.annotations.files; i++) {
      await writeFile(join(out, 'annotations', `${i}.json`), '{}');
    }
    const written: string[] = [];
    const write = process.stdout.write;
    process.stdout.write = ((text: string) => written.push(text) > 0) as typeof write;
    try {
      await downloadCoco({ out, parts: ['annotations'], json: true });
    } finally {
      process.stdout.write = write;
    }
    const events = written
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event);
    assert.ok(events.includes('part') && events.includes('message'), events.join());
    assert.equal(process.listenerCount('SIGINT'), 0);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});
