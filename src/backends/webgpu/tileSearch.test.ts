import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../temporaryFolder.testing.ts';
import type { ConvDims } from './conv/dims.ts';
import { convTiles } from './conv/tile.ts';
import type { GpuFeatures } from './kernel.ts';
import { readTiles, saveTiles } from './nodeTiles.ts';
import { type TileTimes, tileChooser, tileKey } from './tileSearch.ts';

const folder = temporaryFolder();

const features: GpuFeatures = {
  subgroups: false,
  software: false,
  maxWorkgroupMemory: 16384,
  maxInvocations: 256,
};
const dims: ConvDims = {
  ...{ n: 4, h: 96, w: 72, cin: 32, cout: 32, kh: 3, kw: 3, stride: 1, padding: 1 },
  ...{ outH: 96, outW: 72 },
};
const [guess, second, other] = convTiles('forward', dims, features);

const key = tileKey('forward', dims);
const keyOnHalves = tileKey('forward', dims, 'f16');
const chosen = (measured: TileTimes, activations: 'f32' | 'f16' = 'f32', d = dims) =>
  tileChooser(measured)('forward', d, features, activations);

test('the measured best is taken, and the best guess where nothing was measured', () => {
  assert.equal(key, 'forward 4×96×72×32→32 3×3 s1 p1');
  const measured = { [key]: { tile: other!, milliseconds: 1 } };
  assert.deepEqual(chosen(measured), other);
  assert.deepEqual(chosen({}), guess);
  const single = { ...dims, n: 1 };
  const [ownGuess] = convTiles('forward', single, features);
  assert.deepEqual(chosen(measured, 'f32', single), ownGuess);
});

test('on halves their own best is taken, else that of floats, and never the other way round', () => {
  assert.equal(keyOnHalves, 'forward 4×96×72×32→32 3×3 s1 p1 f16');
  const floats = { [key]: { tile: second!, milliseconds: 2 } };
  const halves = { [keyOnHalves]: { tile: other!, milliseconds: 1 } };
  assert.deepEqual(chosen({ ...floats, ...halves }, 'f16'), other);
  assert.deepEqual(chosen({ ...floats, ...halves }, 'f32'), second);
  assert.deepEqual(chosen(floats, 'f16'), second);
  assert.deepEqual(chosen(halves, 'f32'), guess);
});

test('a measured tile that this device cannot run gives way to the next best', () => {
  const large = { tile: { ...other!, rows: 1024 }, milliseconds: 1 };
  assert.deepEqual(chosen({ [key]: large }), guess);
  const floats = { [key]: { tile: second!, milliseconds: 2 } };
  assert.deepEqual(chosen({ [keyOnHalves]: large, ...floats }, 'f16'), second);
});

test('a file of tiles keeps what it has of other adapters and convolutions', () => {
  const file = join(folder, 'deep', 'tiles.json');
  const splits = { ...guess!, splits: 12 };
  const times = { a: { tile: guess!, milliseconds: 2.5 }, b: { tile: splits, milliseconds: 1 } };
  assert.deepEqual(readTiles('one', file), {});
  saveTiles('one', { a: times.a }, file);
  saveTiles('two', times, file);
  saveTiles('one', { b: times.b }, file);
  assert.deepEqual(readTiles('one', file), times);
  assert.deepEqual(readTiles('two', file), times);
  assert.deepEqual(readTiles('toString', file), {});
});

test('a file that is not one of tiles is as good as none, and is written anew', () => {
  const file = join(folder, 'bad.json');
  const text = (tile: object) =>
    JSON.stringify({ format: 1, adapters: { one: { a: { tile, milliseconds: 1 } } } });
  for (const bad of ['', '{', '[]', '{"format":2}', text({}), text({ ...guess, rows: -4 })]) {
    writeFileSync(file, bad);
    assert.deepEqual(readTiles('one', file), {}, bad);
  }
  saveTiles('one', { a: { tile: guess!, milliseconds: 1 } }, file);
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).format, 1);
});
