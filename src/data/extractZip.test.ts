// extractZip on archives built by hand: honest, hostile, damaged, and random ones.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { type ExtractOptions, extractZip } from './extractZip.ts';
import { buildZip, type TestMember } from './zip/buildZip.testing.ts';
import { unsafeName } from './zip/memberName.ts';

const bytes = (length: number, seed = 1) =>
  new Uint8Array(length).map((_, i) => (i * i * 13 + i * seed + (i >> 7)) & 255);

interface Scene {
  readonly root: string;
  readonly out: string;
  extract(zip: Uint8Array, more?: Partial<ExtractOptions>): ReturnType<typeof extractZip>;
}

async function inFolder(play: (scene: Scene) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'hrpose-zip-'));
  const archive = join(root, 'a.zip');
  const out = join(root, 'out', 'coco');
  try {
    await play({
      root,
      out,
      async extract(zip, more = {}) {
        await writeFile(archive, zip);
        return await extractZip({ archive, out, ...more });
      },
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function filesUnder(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const fails = (exitCode: number, message: RegExp) => (error: unknown) => {
  assert.equal((error as HrposeError).exitCode, exitCode, String(error));
  assert.match((error as Error).message, message);
  return true;
};

const honest: TestMember[] = [
  { name: 'val2017/', mode: 0o040755 },
  { name: 'val2017/000000000001.jpg', data: bytes(70_000), mode: 0o100644 },
  { name: 'val2017/000000000002.JPG', data: bytes(10, 3) },
  { name: 'annotations/a.json', data: bytes(300_000, 2), deflate: true },
  { name: 'annotations/empty', data: new Uint8Array(0) },
];

for (const zip64 of [false, true]) {
  test(`stored and deflated members come out as they are (zip64 ${zip64})`, () =>
    inFolder(async ({ out, extract }) => {
      const seen: number[] = [];
      const onProgress = (done: number, total: number) => seen.push(done / total);
      const result = await extract(buildZip(honest, zip64), { onProgress });
      assert.deepEqual(result, { files: 4, kept: 0, bytes: 370_010 });
      assert.equal(seen.at(-1), 1);
      const files = honest.filter(({ data }) => data !== undefined);
      assert.deepEqual(await filesUnder(out), files.map(({ name }) => name).sort());
      for (const { name, data } of files) {
        assert.deepEqual(new Uint8Array(await readFile(join(out, name))), data);
      }
    }));
}

test('files that are there with equal bytes are kept, others are written anew', () =>
  inFolder(async ({ out, extract }) => {
    await extract(buildZip(honest));
    const first = join(out, honest[1]!.name);
    const before = await stat(first);
    await writeFile(join(out, honest[2]!.name), bytes(10, 4));
    const again = await extract(buildZip(honest));
    assert.equal(again.kept, 3);
    assert.equal((await stat(first)).mtimeMs, before.mtimeMs);
    assert.deepEqual(new Uint8Array(await readFile(join(out, honest[2]!.name))), bytes(10, 3));
  }));

const hostile: [string, TestMember[], RegExp][] = [
  ['a name with ..', [{ name: '../evil', data: bytes(3) }], /invalid relative path|'\.\.'/],
  ['a name with .. inside', [{ name: 'a/../../evil', data: bytes(3) }], /invalid relative path/],
  ['an absolute name', [{ name: '/tmp/evil', data: bytes(3) }], /absolute path/],
  ['a drive', [{ name: 'C:/evil', data: bytes(3) }], /absolute path/],
  ['a backslash', [{ name: '..\\evil', data: bytes(3) }], /invalid characters in fileName/],
  ['a stream name', [{ name: 'a.jpg:evil', data: bytes(3) }], /not every system allows/],
  ['a NUL', [{ name: 'a\0.jpg', data: bytes(3) }], /no text/],
  ['a device', [{ name: 'x/NUL.txt', data: bytes(3) }], /names a device/],
  ['a symbolic link', [{ name: 'a', data: bytes(3), mode: 0o120777 }], /a link or a device/],
  ['a character device', [{ name: 'a', mode: 0o020666 }], /a link or a device/],
  ['a pipe', [{ name: 'a', mode: 0o010666 }], /a link or a device/],
  ['an encrypted member', [{ name: 'a', data: bytes(13), size: 1, flags: 1 }], /encrypted/],
  ['an unknown method', [{ name: 'a', data: bytes(3), method: 12 }], /method 12/],
  ['a name twice', [{ name: 'a.jpg' }, { name: 'A.jpg' }], /two members have the name/],
  ['no file at all', [{ name: 'a/' }], /holds no file/],
  ['more than is expected', [{ name: 'a', data: bytes(1_000_001) }], /declares 1\.37 MB, at most/],
];

for (const [what, members, message] of hostile) {
  test(`an archive with ${what} is refused before a byte is written`, () =>
    inFolder(async ({ root, extract }) => {
      const zip = buildZip([...honest, ...members].slice(what === 'no file at all' ? -1 : 0));
      await assert.rejects(extract(zip, { maxBytes: 1_000_000 }), fails(3, message));
      assert.deepEqual(await filesUnder(root), ['a.zip']);
      assert.ok(!existsSync('/tmp/evil'));
    }));
}

test('a member that inflates to more than it declares is stopped and not kept', () =>
  inFolder(async ({ out, extract }) => {
    const bomb = { name: 'b', data: new Uint8Array(50_000_000), deflate: true, size: 1000 };
    await assert.rejects(extract(buildZip([bomb])), fails(3, /too many bytes|exceeds its size/));
    assert.deepEqual(await filesUnder(out), []);
  }));

test('wrong bytes, a wrong length and a cut archive are told apart from good ones', () =>
  inFolder(async ({ out, extract }) => {
    const data = bytes(5000);
    const cases: [Uint8Array, RegExp][] = [
      [buildZip([{ name: 'a', data, crc: 7 }]), /'a' do not match their checksum/],
      [buildZip([{ name: 'a', data, deflate: true, size: 6000 }]), /whole ZIP archive/],
      [buildZip([{ name: 'a', data }]).subarray(0, 4000), /whole ZIP archive/],
      [buildZip([{ name: 'a', data }]).subarray(100), /whole ZIP archive/],
      [new Uint8Array(0), /whole ZIP archive/],
      [bytes(3000), /whole ZIP archive/],
    ];
    for (const [zip, message] of cases) {
      await assert.rejects(extract(zip), fails(3, message));
      assert.deepEqual(await filesUnder(out), []);
    }
  }));

test('too little space is said before a byte is written, files already there not counted', () =>
  inFolder(async ({ out, extract }) => {
    const freeBytes = async () => 100_000;
    await assert.rejects(extract(buildZip(honest), { freeBytes }), fails(4, /needs 370 kB/));
    assert.deepEqual(await filesUnder(out), []);
    await mkdir(join(out, 'annotations'), { recursive: true });
    await writeFile(join(out, 'annotations/a.json'), bytes(300_000, 2));
    assert.equal((await extract(buildZip(honest), { freeBytes })).kept, 1);
  }));

test('a stop leaves whole files only, and the next run keeps them', () =>
  inFolder(async ({ out, extract }) => {
    const many = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.jpg`, data: bytes(999, i) }));
    const controller = new AbortController();
    const onProgress = (done: number) => done > 9000 && controller.abort();
    const stopped = extract(buildZip(many), { onProgress, signal: controller.signal });
    await assert.rejects(stopped, fails(130, /Run the same command again/));
    const left = await filesUnder(out);
    assert.ok(left.length >= 10 && left.length < 40, `${left.length} files`);
    for (const name of left) {
      const expected = bytes(999, Number.parseInt(name, 10));
      assert.deepEqual(new Uint8Array(await readFile(join(out, name))), expected);
    }
    assert.equal((await extract(buildZip(many))).kept, left.length);
  }));

test('a file that is a link on this machine is replaced, not written through', () =>
  inFolder(async ({ root, out, extract }) => {
    await mkdir(out, { recursive: true });
    await writeFile(join(root, 'precious'), 'as before');
    await symlink(join(root, 'precious'), join(out, 'a'));
    await extract(buildZip([{ name: 'a', data: bytes(20) }]));
    assert.equal(await readFile(join(root, 'precious'), 'utf8'), 'as before');
    assert.deepEqual(new Uint8Array(await readFile(join(out, 'a'))), bytes(20));
  }));

test('a name that is both a file and a folder is an error, not a crash', () =>
  inFolder(async ({ extract }) => {
    const zip = buildZip([
      { name: 'a', data: bytes(3) },
      { name: 'a/b', data: bytes(3) },
    ]);
    await assert.rejects(extract(zip), (error) => error instanceof HrposeError);
  }));

test('no name that is accepted leads out of the folder', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '',
    '/',
    '\\',
    'a',
    'C:',
    'nul',
    ' ',
    '\0',
    'é',
    '\ud800',
  );
  const name = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('/')),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  let accepted = 0;
  fc.assert(
    fc.property(name, (text) => {
      if (unsafeName(text) !== undefined) return;
      accepted += 1;
      const path = relative('/out', join('/out', text));
      assert.equal(path, text.replace(/\/$/, ''));
      assert.ok(!/^(\.\.)?(\/|$)/.test(path), path);
    }),
    { seed: 8, numRuns: 3000 },
  );
  assert.ok(accepted > 100, `${accepted} names were accepted`);
});

test('flipped, cut and spliced archives give whole files or an HrposeError', () =>
  inFolder(async ({ root, out, extract }) => {
    const zip = buildZip(
      honest.map((member) => ({ ...member, data: member.data?.slice(0, 400) }) as TestMember),
    );
    const damage = fc.array(
      fc.record({ at: fc.nat(zip.length - 1), value: fc.nat(255), cut: fc.nat(40) }),
      { minLength: 1, maxLength: 4 },
    );
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        let bad = Buffer.from(zip);
        for (const { at, value, cut } of changes) {
          bad[at % bad.length] = value;
          if (cut > 30) bad = Buffer.concat([bad.subarray(0, at), bad.subarray(at + cut)]);
        }
        await rm(out, { recursive: true, force: true });
        const failure = await extract(bad, { maxBytes: 100_000 }).catch((error) => error);
        if (failure instanceof Error) {
          assert.ok(failure instanceof HrposeError, failure.stack);
          refused += 1;
        }
        const outside = (await filesUnder(root)).filter((file) => !file.startsWith('out/coco'));
        assert.deepEqual(outside, ['a.zip']);
        assert.ok(!(await filesUnder(out)).some((file) => file.endsWith('.hrpose-part')));
      }),
      { seed: 17, numRuns: 300 },
    );
    assert.ok(refused > 50, `${refused} of 300 were refused`);
  }));
