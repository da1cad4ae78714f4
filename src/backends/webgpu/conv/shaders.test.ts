import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Storage } from '../halves.ts';
import type { Binding, GpuFeatures, Shader } from '../kernel.ts';
import { awkward, dimsOfCase } from './cases.testing.ts';
import type { ConvDims } from './dims.ts';
import { plainEnd } from './end.ts';
import { convForward } from './forward.ts';
import { convGradInput } from './gradInput.ts';
import { convGradWeight } from './gradWeight.ts';
import { convTiles, type Tile, threadsOf, tileMemory, tileProblem } from './tile.ts';

/** The least that the standard guarantees. */
const least: GpuFeatures = {
  subgroups: false,
  software: false,
  maxWorkgroupMemory: 16384,
  maxInvocations: 256,
};
const large: GpuFeatures = { ...least, maxWorkgroupMemory: 65536, maxInvocations: 1024 };
const kinds = ['forward', 'gradInput', 'gradWeight'] as const;

function shadersOf(d: ConvDims, tiles: Record<(typeof kinds)[number], Tile>, storage: Storage) {
  const end = { bias: true, relu: true, residual: true };
  const all = { x: storage, residual: storage, y: storage, dy: storage, dx: storage };
  const weight = convGradWeight(d, { bias: true }, tiles.gradWeight, large, all);
  return [
    convForward(d, end, tiles.forward, large, all),
    convGradInput(d, { ...plainEnd, residual: true }, tiles.gradInput, large, all),
    weight.partials,
    weight.reduce,
    weight.bias!.partials,
    weight.bias!.reduce,
  ];
}

const guesses = (d: ConvDims, features = least) =>
  Object.fromEntries(kinds.map((kind) => [kind, convTiles(kind, d, features)[0]!])) as Record<
    (typeof kinds)[number],
    Tile
  >;

/** The storage bindings that a shader's text declares, by their numbers. */
function declared(code: string): Binding[] {
  const pattern = /@group\(0\) @binding\((\d+)\) var<storage, (\w+)> (\w+): array<([\w<>]+?)>;/g;
  const found: Binding[] = [];
  for (const [, index, access, name, type] of code.matchAll(pattern))
    found[Number(index)] = { name, access, type } as Binding;
  return found;
}

function expectWithinStandard({ label, code, bindings, workgroups }: Shader): void {
  assert.deepEqual(declared(code), bindings, label);
  assert.ok(
    workgroups.every((n) => Number.isInteger(n) && n >= 1 && n <= 65535),
    `${label}: ${workgroups}`,
  );
  assert.doesNotMatch(code, /NaN|undefined|Infinity|\d\.\d/, label);
}

test('every convolution binds what it declares and starts workgroups that there can be', () => {
  const sizes = [
    ...awkward.map(dimsOfCase),
    dimsOfCase({ n: 4000, h: 192, w: 144, cin: 4, cout: 4 }),
  ];
  for (const d of sizes) {
    for (const storage of ['f32', 'f16'] as const)
      for (const features of [least, { ...least, software: true }])
        for (const shader of shadersOf(d, guesses(d, features), storage))
          expectWithinStandard(shader);
  }
});

test('tiles offered for a device fit it, and there are some for the least there is', () => {
  for (const d of awkward.map(dimsOfCase)) {
    for (const kind of kinds) {
      const tiles = convTiles(kind, d, least);
      assert.ok(tiles.length > 0);
      for (const tile of tiles) {
        assert.ok(threadsOf(tile) <= least.maxInvocations);
        assert.ok(tileMemory(tile) <= least.maxWorkgroupMemory);
      }
      assert.ok(convTiles(kind, d, large).length >= tiles.length);
    }
  }
});

test('a guess fits the grids of dx, and uses workgroup memory where it is nearer', () => {
  // Four grids of 2 × 2 pixels in each of two pictures: 8 rows each.
  const d = dimsOfCase({ n: 2, h: 4, w: 4, cin: 64, cout: 256, stride: 2 });
  const guess = (software: boolean) => guesses(d, { ...least, software }).gradInput;
  assert.deepEqual([guess(false).rows, guess(false).stages > 0], [16, true]);
  assert.deepEqual([guess(true).rows, guess(true).stages], [8, 0]);
});

test('tiles that cannot be used are refused with the reason', () => {
  const good = {
    rows: 32,
    columns: 32,
    depth: 16,
    threadRows: 4,
    threadColumns: 4,
    stages: 1,
  } as const;
  const unit = { component: 'f32', m: 8, n: 8, k: 8, subgroupSize: 32 } as const;
  assert.equal(tileProblem(good, least), undefined);
  assert.equal(tileProblem({ ...good, unit }, least), undefined);
  const bad: [Partial<Tile>, RegExp][] = [
    [{ threadRows: 12 }, /do not divide/],
    [{ depth: 18 }, /multiples of 4/],
    [{ threadColumns: 2 }, /no multiple of 4/],
    [{ rows: 48, threadRows: 12 }, /fill a line/],
    [{ rows: 256, columns: 64 }, /invocations/],
    [{ rows: 128, columns: 128, depth: 32, threadRows: 8, threadColumns: 8 }, /bytes/],
    [{ rows: 48, unit }, /subgroups/],
    [{ unit: { ...unit, n: 64 } }, /does not fill/],
    [{ stages: 2, unit }, /one stage/],
  ];
  for (const [change, reason] of bad)
    assert.match(tileProblem({ ...good, ...change }, least) ?? '', reason);
  const d = dimsOfCase({ h: 4, w: 4, cin: 4, cout: 4 });
  assert.throws(
    () => convForward(d, plainEnd, { ...good, rows: 30 }, least),
    /cannot be used here/,
  );
});

test('half-precision storage changes the bindings of activations, not of weights and sums', () => {
  const d = dimsOfCase({ n: 2, h: 8, w: 6, cin: 32, cout: 64 });
  const halves = shadersOf(d, guesses(d), 'f16').map(({ code, bindings }) => {
    assert.equal(
      code.includes('fn widen'),
      bindings.some(({ type }) => type === 'vec2<u32>'),
    );
    return bindings.filter(({ type }) => type === 'vec2<u32>').map(({ name }) => name);
  });
  assert.deepEqual(halves, [
    ['x', 'residual', 'y'],
    ['dy', 'residual', 'dx'],
    ['x', 'dy'],
    [],
    ['dy'],
    [],
  ]);
});

test('no stretch of pixels of a weight gradient is empty', () => {
  for (const [h, splits] of [
    [5, 3],
    [5, 100],
    [16, 7],
    [1, 4],
  ] as const) {
    const d = dimsOfCase({ h, w: 5, cin: 4, cout: 4 });
    const tile = { ...guesses(d).gradWeight, splits };
    const { scratchFloats, partials } = convGradWeight(d, { bias: false }, tile, large);
    const parts = scratchFloats / (9 * 4 * 4);
    assert.ok(Number.isInteger(parts) && parts >= 1 && parts <= splits);
    const length = Number(/let first_pixel = stretch \* (\d+)u/.exec(partials.code)![1]);
    assert.ok((parts - 1) * length < h * 5 && parts * length >= h * 5);
  }
});

const goldenFile = new URL('shaders.golden.wgsl', import.meta.url);

/**
 * A fused forward in two stages, dx by parity, dw from pixels that straddle rows; a pointwise product; a forward
 * and dx without workgroup memory; a pointwise product on a matrix unit.
 */
function goldenText(): string {
  const small = { rows: 16, columns: 32, depth: 32, threadRows: 4, threadColumns: 4 } as const;
  const once = { ...small, stages: 1 } as const;
  const tiles = {
    forward: { ...small, stages: 2 },
    gradInput: once,
    gradWeight: { ...once, splits: 3 },
  } as const;
  const strided = shadersOf(
    dimsOfCase({ n: 2, h: 10, w: 14, cin: 3, cout: 32, stride: 2 }),
    tiles,
    'f32',
  );
  const pointwise = convForward(
    dimsOfCase({ n: 2, h: 6, w: 5, cin: 64, cout: 32, k: 1 }),
    plainEnd,
    once,
    large,
    { x: 'f16', y: 'f16' },
  );
  const direct = { ...once, rows: 16, columns: 16, depth: 4, stages: 0 } as const;
  const d = dimsOfCase({ n: 2, h: 6, w: 5, cin: 8, cout: 4, stride: 2 });
  const directly = [
    convForward(d, plainEnd, direct, large),
    convGradInput(d, plainEnd, direct, large),
  ];
  const unit = { component: 'f16', m: 16, n: 16, k: 16, subgroupSize: 32 } as const;
  const onUnit = convForward(
    dimsOfCase({ n: 2, h: 6, w: 5, cin: 64, cout: 32, k: 1 }),
    plainEnd,
    { rows: 32, columns: 32, depth: 32, threadRows: 8, threadColumns: 4, stages: 1, unit },
    large,
    { x: 'f16', y: 'f16' },
  );
  return [...strided, pointwise, ...directly, onUnit]
    .map(
      ({ label, workgroups, code }) => `// ${label}, workgroups ${workgroups.join('×')}\n${code}`,
    )
    .join('\n');
}

test('convolution shaders are as they were last looked at', () => {
  const text = goldenText();
  if (process.env.UPDATE_GOLDEN) writeFileSync(goldenFile, text);
  // After a change that is meant: UPDATE_GOLDEN=1 node --import tsx --test on this file, and read the diff.
  assert.equal(text, readFileSync(goldenFile, 'utf8'));
});
