import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { relativeError } from '../../conformance.ts';
import { asHalf, packHalves, unpackHalves } from '../halves.testing.ts';
import type { Storage } from '../halves.ts';
import { openNodeGpu } from '../nodeDevice.ts';
import { awkward, dimsOfCase, expectedOf } from './cases.testing.ts';
import { type ConvDims, type ConvKind, sizesOf } from './dims.ts';
import { plainEnd } from './end.ts';
import { convForward } from './forward.ts';
import { convGradInput } from './gradInput.ts';
import { convGradWeight } from './gradWeight.ts';
import { type Call, runCalls, unwritten } from './harness.testing.ts';
import { convTiles, type Tile, tileName } from './tile.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());
const { features } = gpu;

/** Those of the conformance cases: float32 sums in another order than the reference's. */
const tolerance = { forward: 1e-5, gradInput: 1e-4, gradWeight: 1e-4 };

/** What can lie in halves. */
type Activation = 'x' | 'residual' | 'dy' | 'y' | 'dx';
type Activations = { readonly [name in Activation]?: Storage };

function callsOf(
  kind: ConvKind,
  d: ConvDims,
  tile: Tile,
  scratch: (floats: number) => void,
  storages: Activations,
): Call[] {
  switch (kind) {
    case 'forward': {
      const ends = [plainEnd, { bias: true, relu: true, residual: true }];
      const [plain, fused] = ends.map((end) => convForward(d, end, tile, features, storages));
      return [
        { shader: plain!, arrays: ['x', 'w', 'y'] },
        { shader: fused!, arrays: ['x', 'w', 'bias', 'residual', 'reluSum'] },
      ];
    }
    case 'gradInput': {
      const ends = [plainEnd, { ...plainEnd, residual: true }];
      const [plain, sum] = ends.map((end) => convGradInput(d, end, tile, features, storages));
      return [
        { shader: plain!, arrays: ['dy', 'w', 'dx'] },
        { shader: sum!, arrays: ['dy', 'w', 'added', 'dxSum'] },
      ];
    }
    case 'gradWeight': {
      const { partials, reduce, scratchFloats, bias } = convGradWeight(
        d,
        { bias: true },
        tile,
        features,
        storages,
      );
      scratch(scratchFloats + bias!.scratchFloats);
      return [
        { shader: partials, arrays: ['x', 'dy', 'scratch'] },
        { shader: reduce, arrays: ['scratch', 'dw'] },
        { shader: bias!.partials, arrays: ['dy', 'scratch'] },
        { shader: bias!.reduce, arrays: ['scratch', 'db'] },
      ];
    }
    default:
      return kind satisfies never;
  }
}

const resultsOf = {
  forward: ['y', 'reluSum'],
  gradInput: ['dx', 'dxSum'],
  gradWeight: ['dw', 'db'],
} as const;

/** Half a unit in the last of 11 bits, of the largest value. */
const halfRounding = 2 ** -11;

async function check(
  kind: ConvKind,
  d: ConvDims,
  tile: Tile,
  storages: Activations = {},
): Promise<void> {
  // All inputs are halves where one is: what a float holds of them is the same.
  const expected = expectedOf(d, Object.keys(storages).length > 0 ? asHalf : undefined);
  const names = resultsOf[kind];
  const liesAs: Record<string, Activation> = { reluSum: 'y', dxSum: 'dx', added: 'residual' };
  const storageOf = (name: string) => storages[liesAs[name] ?? (name as Activation)];
  const empty = Object.fromEntries(names.map((name) => [name, unwritten(expected[name].length)]));
  let scratch = 4;
  const onScratch = (floats: number) => {
    scratch = floats;
  };
  const calls = callsOf(kind, d, tile, onScratch, storages);
  const arrays = Object.fromEntries(
    Object.entries({ ...expected, ...empty, scratch: unwritten(scratch) }).map(
      ([name, values]): [string, Float32Array] => [
        name,
        storageOf(name) === 'f16' ? packHalves(values) : values,
      ],
    ),
  );
  const results = await runCalls(gpu, arrays, calls, names);
  for (const name of names) {
    const halves = storageOf(name) === 'f16';
    const actual = halves ? unpackHalves(results[name]!) : results[name]!;
    const off = relativeError(actual, expected[name]);
    const limit = tolerance[kind] + (halves ? halfRounding : 0);
    assert.ok(off <= limit, `${name}, tile ${tileName(tile)}: off by ${off}`);
  }
}

const kinds = ['forward', 'gradInput', 'gradWeight'] as const;

/** The best guesses for a GPU and for a CPU that emulates one: with workgroup memory and without. */
const guesses = (kind: ConvKind, d: ConvDims): readonly Tile[] =>
  [false, true].map((software) => convTiles(kind, d, { ...features, software })[0]!);

for (const sizes of awkward) {
  const d = dimsOfCase(sizes);
  test(`all three convolutions are the reference's: ${d.n} of ${sizesOf(d)}`, async () => {
    for (const kind of kinds) for (const tile of guesses(kind, d)) await check(kind, d, tile);
  });
}

const halves: readonly Activations[] = [
  { x: 'f16', residual: 'f16', dy: 'f16', y: 'f16', dx: 'f16' },
  { x: 'f16', dx: 'f16' },
  { residual: 'f16', dy: 'f16', y: 'f16' },
];

for (const sizes of awkward) {
  const d = dimsOfCase(sizes);
  test(`activations may lie in halves, all or some: ${d.n} of ${sizesOf(d)}`, async () => {
    for (const storages of halves) {
      for (const kind of kinds)
        for (const tile of guesses(kind, d)) await check(kind, d, tile, storages);
    }
  });
}

/** Sides of tiles are reached, passed and missed in every dimension; two steps straddle taps. */
const everyTile = dimsOfCase({ n: 2, h: 9, w: 8, cin: 20, cout: 68 });

for (const kind of kinds) {
  test(`every tile gives the same ${kind}`, async () => {
    for (const tile of convTiles(kind, everyTile, features)) {
      await check(kind, everyTile, tile);
      await check(kind, everyTile, tile, halves[0]);
    }
  });
}

test('more workgroups than a dimension has go on in the next', async () => {
  const d = dimsOfCase({ h: 1030, w: 1021, cin: 1, cout: 1, k: 1 });
  const [rows, columns, depth, threadRows, threadColumns] = [16, 4, 16, 4, 4];
  const tile: Tile = { rows, columns, depth, threadRows, threadColumns, stages: 1 };
  const shader = convForward(d, { bias: false, relu: false, residual: false }, tile, features);
  assert.deepEqual(shader.workgroups, [65535, 2, 1]);
  await check('forward', d, tile);
});

test('many stretches of pixels are summed by several invocations', async () => {
  const d = dimsOfCase({ n: 3, h: 16, w: 17, cin: 4, cout: 140 });
  const tile = convTiles('gradWeight', d, features).find(({ depth }) => depth === 16)!;
  await check('gradWeight', d, { ...tile, splits: 51 });
});
