import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createBuilder } from '../../graph/builder.ts';
import { tinyGraphs } from '../../models/tinyTraining.testing.ts';
import { conv2d } from '../../ops/conv2d.ts';
import { add } from '../../ops/elementwise.ts';
import { conformanceCases } from '../conformance.ts';
import { withoutConflicts } from './bind.ts';
import type { Binding, BufferRange, Shader } from './kernel.ts';
import { copyShader } from './kernels/reorder.ts';
import { Lowering } from './lower.ts';
import { leastFeatures, loweredDispatches } from './lowered.testing.ts';
import { StateTable } from './stateTable.ts';
import { float, perElement, read, readWrite } from './wgsl.ts';

const network = tinyGraphs({ batch: 2, side: 64 });
const networkShaders = distinct(loweredDispatches(network));
const subgroupShaders = distinct(
  loweredDispatches(network, { features: { ...leastFeatures, subgroups: true } }),
).filter(({ code }) => code.includes('subgroup'));
const onHalves = loweredDispatches(network, { activations: 'f16' });
const caseShaders = distinct(conformanceCases.flatMap(({ graph }) => loweredDispatches([graph])));
const allShaders = [...networkShaders, ...subgroupShaders, ...distinct(onHalves), ...caseShaders];

function distinct(dispatches: readonly { readonly shader: Shader }[]): Shader[] {
  return [...new Map(dispatches.map(({ shader }) => [shader.code, shader])).values()];
}

/** The storage bindings that a shader's text declares, by their numbers. */
function declared(code: string): Binding[] {
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(\w+)>\s*(\w+)\s*:\s*array<\s*([\w<>]+?)\s*>\s*;/g;
  const found: Binding[] = [];
  for (const [, index, access, name, type] of code.matchAll(pattern)) {
    found[Number(index)] = { name, access, type } as Binding;
  }
  return found;
}

test('every shader declares the bindings that the program makes for it', () => {
  for (const { label, code, bindings } of allShaders) {
    assert.deepEqual(declared(code), bindings, label);
  }
});

test('every shader stays within what the standard guarantees', () => {
  for (const { label, code, bindings, workgroups } of allShaders) {
    assert.ok(bindings.length <= 8, `${label}: ${bindings.length} storage buffers`);
    assert.ok(
      workgroups.every((n) => Number.isInteger(n) && n >= 1 && n <= 65535),
      `${label}: ${workgroups} workgroups`,
    );
    const size = /@workgroup_size\(([^)]*)\)/.exec(code)![1]!.split(',').map(Number);
    const invocations = size.reduce((a, b) => a * b, 1);
    assert.ok(invocations <= leastFeatures.maxInvocations, `${label}: ${invocations} invocations`);
  }
});

test('a network of one kind has few shaders of it, whatever the number of its layers', () => {
  const all = loweredDispatches(network);
  assert.ok(networkShaders.length * 3 < all.length, `${networkShaders.length} of ${all.length}`);
});

test('halves hold activations and their gradients, and nothing that the loss compares', () => {
  const tensors = new Set(onHalves.flatMap(({ tensors }) => tensors));
  const pictures = [...tensors].filter(({ layout }) => layout === 'channelsLast');
  const exact = pictures.filter(({ storage }) => storage === 'f32');
  // Prediction and target.
  assert.deepEqual(
    exact.map(({ shape }) => shape),
    [
      [2, 5, 16, 16],
      [2, 5, 16, 16],
    ],
  );
  assert.ok([...tensors].every((t) => t.storage === 'f32' || pictures.includes(t)));
});

test('a tensor that does not lie as its shader reads it is refused', () => {
  const states = new StateTable(2 ** 30, (label) => ({ label }) as GPUBuffer);
  const low = new Lowering(createBuilder().finish(), states, leastFeatures);
  const [x, y] = [low.scratch([1, 4, 2, 2], 'channelsLast', 'f16'), low.scratch([16])];
  assert.throws(() => low.dispatch(copyShader(4), [x, y]), /x does not lie as/);
});

const adamDispatches = (most: number) =>
  loweredDispatches(network, { most }).filter(
    ({ op, shader }) => op === 'adamUpdate' && !shader.label.startsWith('adam power'),
  );

test('one dispatch updates all tensors in an Adam step, or one for each buffer', () => {
  const all = adamDispatches(2 ** 30);
  assert.equal(all.length, 1);
  const parts = adamDispatches(2 ** 18);
  const bytes = (dispatches: typeof all) =>
    dispatches.reduce((sum, { tensors }) => sum + tensors[3]!.block.bytes, 0);
  assert.ok(parts.length > 1);
  assert.equal(bytes(parts), bytes(all));
});

test('convolutions go to matrix units that multiply what activations are', () => {
  const unit = (component: 'f16' | 'f32') => {
    return { component, m: 8, n: 8, k: 8, subgroupSize: 32 };
  };
  const tilesOn = (matrixUnits: readonly ReturnType<typeof unit>[], activations: 'f32' | 'f16') => {
    const features = { ...leastFeatures, subgroups: true, maxWorkgroupMemory: 32768, matrixUnits };
    const tiles = loweredDispatches(network, { features, activations })
      .map(({ shader }) => / tile .*/.exec(shader.label)?.[0])
      .filter((tile) => tile !== undefined);
    return [...new Set(tiles.map((tile) => / by .*/.exec(tile)?.[0] ?? ' by invocations'))];
  };
  assert.deepEqual(tilesOn([unit('f16')], 'f32'), [' by invocations']);
  assert.deepEqual(tilesOn([unit('f32'), unit('f16')], 'f16'), [' by 8x8x8 f16']);
  assert.deepEqual(tilesOn([unit('f16'), unit('f32')], 'f32'), [' by 8x8x8 f32']);
  assert.deepEqual(tilesOn([unit('f32')], 'f16'), [' by 8x8x8 f32']);
});

test('grids larger than a dimension go on in the next', () => {
  const count = 256 * 70000;
  const shader = perElement({ label: 'large', bindings: [readWrite('y')], count, body: '' });
  assert.deepEqual(shader.workgroups, [65535, 2, 1]);
});

test('numbers are float32 literals', () => {
  assert.deepEqual([1, -2.5, 0.1, 1e-8, 1e21, 1e-50].map(float), [
    '1.0f',
    '-2.5f',
    '0.10000000149011612f',
    '9.99999993922529e-9f',
    '1.0000000200408773e+21f',
    '0.0f',
  ]);
});

const range = (buffer: GPUBuffer): BufferRange => ({ buffer, offset: 0, bytes: 16 });
const [arena, other] = [{}, {}] as GPUBuffer[];

test('read-only bindings of a buffer that is written as well become writable', () => {
  const shader = perElement({
    label: 'three',
    bindings: [read('a'), read('b'), readWrite('y')],
    count: 1,
    body: '  y[i] = a[i] + b[i];',
  });
  const same = withoutConflicts(shader, [range(arena!), range(other!), range(arena!)]);
  assert.deepEqual(
    same.bindings.map(({ access }) => access),
    ['read_write', 'read', 'read_write'],
  );
  assert.deepEqual(declared(same.code), same.bindings);
  const apart = withoutConflicts(shader, [range(other!), range(other!), range(arena!)]);
  assert.equal(apart.code, shader.code);
});

test('nothing is bound twice where it is written or its buffer is', () => {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 4, 8, 8]);
  const w = g.state('w', 'parameter', [4, 4, 3, 3]);
  const b = g.state('b', 'parameter', [4]);
  const attrs = { stride: 1, padding: 1, residual: true, relu: true };
  const [y] = g.add(conv2d, [x, w, b, x], attrs);
  g.output('y', g.add(add, [y!, y!], { relu: false })[0]!);
  for (const { shader, tensors } of loweredDispatches([g.finish()])) {
    const blocks = new Set(tensors.map(({ block }) => block));
    assert.equal(blocks.size, tensors.length, shader.label);
  }
});

const goldenFile = new URL('shaders.golden.wgsl', import.meta.url);

/** One shader of each kind but the convolutions, whose texts are held in conv/. */
function onePerKind(shaders: readonly Shader[]): string {
  const kinds = new Map<string, Shader>();
  for (const shader of shaders) {
    const kind = shader.label.replace(/ [×\d].*/, '');
    if (!kind.startsWith('conv2d') && !kinds.has(kind)) kinds.set(kind, shader);
  }
  return [...kinds.values()]
    .map(
      ({ label, workgroups, code }) => `// ${label}, workgroups ${workgroups.join('×')}\n${code}`,
    )
    .join('\n');
}

test('shaders are as they were last looked at', () => {
  const text = `${onePerKind(networkShaders)}
// With subgroups:

${onePerKind(subgroupShaders)}`;
  if (process.env.UPDATE_GOLDEN) writeFileSync(goldenFile, text);
  // After a change that is meant: UPDATE_GOLDEN=1 npm test -- src/backends/webgpu/shaders.test.ts, and read the diff.
  assert.equal(text, readFileSync(goldenFile, 'utf8'));
});
