import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { findPictures } from './findPictures.ts';
import { glob } from './glob.ts';
import {
  assertDistinct,
  distinctIds,
  knownIds,
  namesBelowCommonFolder,
  uniquePaths,
} from './pictureNames.ts';

const root = temporaryFolder();
for (const path of [
  'a/1.jpg',
  'a/2.PNG',
  'a/notes.txt',
  'a/b/1.jpg',
  'a/b/.hidden.jpg',
  'c/[x].jpg',
]) {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), '');
}
symlinkSync(join(root, 'a'), join(root, 'a', 'b', 'loop'));
const below = (paths: readonly string[]) =>
  paths.map((path) =>
    path
      .slice(root.length + 1)
      .split(sep)
      .join('/'),
  );
const found = (...args: string[]) => below(findPictures(args.map((arg) => join(root, arg))));

test('files, folders and patterns stand for pictures, each once and in order', () => {
  assert.deepEqual(found('a/b/1.jpg', 'a'), ['a/b/1.jpg', 'a/1.jpg', 'a/2.PNG']);
  assert.deepEqual(found('a', 'a/1.jpg', 'a/../a/1.jpg'), ['a/1.jpg', 'a/2.PNG']);
  assert.deepEqual(found('a/*'), ['a/1.jpg', 'a/2.PNG']);
  assert.deepEqual(found('**/1.jpg'), ['a/1.jpg', 'a/b/1.jpg']);
  assert.deepEqual(found('a/[12].*'), ['a/1.jpg', 'a/2.PNG']);
  assert.deepEqual(found('a/[!1].*'), ['a/2.PNG']);
  assert.deepEqual(found('?/1.jpg'), ['a/1.jpg']);
  assert.deepEqual(found('c/[x].jpg'), ['c/[x].jpg'], 'a file of that very name');
});

test('what means nothing is an error that says what was looked for', () => {
  assert.throws(() => found('nowhere.jpg'), { exitCode: 3, message: /no such file or folder/ });
  assert.throws(() => found('a/*.webp'), { exitCode: 3, message: /no picture matches/ });
  assert.throws(() => found('.'), { exitCode: 3, message: /no picture lies in .*\*\*/s });
});

test('a pattern finds hidden names only when it begins like them, and links are not followed by **', () => {
  assert.deepEqual(below(glob(join(root, 'a/b/*.jpg'))), ['a/b/1.jpg']);
  assert.deepEqual(below(glob(join(root, 'a/b/.h*'))), ['a/b/.hidden.jpg']);
  assert.deepEqual(below(glob(join(root, 'a/**/*.jpg'))), ['a/1.jpg', 'a/b/1.jpg']);
});

test('pictures of the same name keep their folders', () => {
  assert.deepEqual(namesBelowCommonFolder(['/x/a/1.jpg', '/x/b/1.jpg']), ['a/1.jpg', 'b/1.jpg']);
  assert.deepEqual(namesBelowCommonFolder(['/x/a/1.jpg', '/x/a/2.jpg']), ['1.jpg', '2.jpg']);
  assert.deepEqual(namesBelowCommonFolder(['/x/1.jpg', '/x/a/1.jpg']), ['1.jpg', 'a/1.jpg']);
  assert.deepEqual(namesBelowCommonFolder(['/y/1.jpg', '/x/a/1.jpg']), ['y/1.jpg', 'x/a/1.jpg']);
});

test('a path is given out once', () => {
  const path = uniquePaths('out');
  const names = ['1.jpg', '1.JPG', '1.jpg', 'a/1.jpg'].map((name) =>
    path(name).split(sep).join('/'),
  );
  assert.deepEqual(names, ['out/1.jpg', 'out/1-2.JPG', 'out/1-3.jpg', 'out/a/1.jpg']);
});

test('ids come from a list, else from numeric names, else they are the next free numbers', () => {
  const listed = (file: string) => (file === 'c.jpg' ? 7 : undefined);
  const files = ['000000000785.jpg', 'a.jpg', 'c.jpg', '1.jpg', 'b.jpg', 'sub/1.jpg'];
  const known = knownIds(files, listed);
  assert.deepEqual(known, [785, undefined, 7, 1, undefined, 1]);
  assert.deepEqual(distinctIds(known), [785, 2, 7, 1, 3, 4]);
  assert.throws(() => assertDistinct(known, files), {
    exitCode: 3,
    message: /image id 1: both '1.jpg' and 'sub\/1.jpg'/,
  });
});

test('pipes and devices are no pictures, a link to nowhere is named later', () => {
  assert.throws(() => findPictures(['/dev/null']), { exitCode: 3, message: /a pipe or a device/ });
  const folder = join(root, 'odd');
  mkdirSync(folder);
  symlinkSync('/dev/null', join(folder, 'device.jpg'));
  symlinkSync(join(root, 'nowhere.jpg'), join(folder, 'broken.jpg'));
  assert.deepEqual(found('odd'), ['odd/broken.jpg']);
});
