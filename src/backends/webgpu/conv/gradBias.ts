// db[m] = Σ over pixels of dy[pixel, m], in two stages: stretches of pixels, then sumParts.ts.
//   dy: [N, outH, outW, M4], db: [M4]
// A workgroup adds one stretch for up to 64 vectors of channels, several invocations to a vector.
import { type Storage, vectors, widened } from '../halves.ts';
import type { GpuFeatures, Shader } from '../kernel.ts';
import { enableSubgroups, powerOfTwo, subgroupInputs, summed, tree } from '../kernels/reduce.ts';
import { declare, grid, read, readWrite } from '../wgsl.ts';
import { type ConvDims, sizesOf, vectorsOf } from './dims.ts';
import { groupNumber } from './gemm.ts';
import { sumParts } from './sumParts.ts';

/** Sums made apart, then together. */
export interface TwoStages {
  readonly partials: Shader;
  readonly reduce: Shader;
  /** Floats between the two. */
  readonly scratchFloats: number;
}

const threads = 256;
const mostAcross = 64;
/** Pixels that an invocation adds, at the least. */
const leastPixels = 64;
const mostStretches = 256;

export function columnSums(
  d: ConvDims,
  features: GpuFeatures,
  storage: Storage = 'f32',
): TwoStages {
  const columns = vectorsOf(d.cout);
  const across = Math.min(mostAcross, powerOfTwo(columns));
  const down = threads / across;
  const pixels = d.n * d.outH * d.outW;
  const wanted = Math.min(mostStretches, Math.ceil(pixels / (leastPixels * down)));
  const length = Math.ceil(pixels / wanted);
  const parts = Math.ceil(pixels / length);
  const columnBlocks = Math.ceil(columns / across);
  const bindings = [read('dy', vectors(storage)), readWrite('scratch')];
  const workgroups = grid(parts * columnBlocks);
  const value = `dy[p * ${columns}u + column]`;
  const code = `${enableSubgroups(features)}${declare(bindings)}
var<workgroup> sums: array<vec4<f32>, ${threads}>;

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let number = ${groupNumber(workgroups)};
  let column = number % ${columnBlocks}u * ${across}u + lane % ${across}u;
  let stretch = number / ${columnBlocks}u;
  let past = min((stretch + 1u) * ${length}u, ${pixels}u);
  var sum = vec4<f32>();
  if (column < ${columns}u) {
    for (var p = stretch * ${length}u + lane / ${across}u; p < past; p += ${down}u) {
      sum += ${widened(storage, value)};
    }
  }
  sums[lane] = sum;
${tree([summed('sums')], down, across, features)}
  if (lane < ${across}u && column < ${columns}u) { scratch[stretch * ${columns}u + column] = sums[lane]; }
}
`;
  return {
    partials: { label: `conv2dGradBias ${sizesOf(d)}`, code, bindings, workgroups },
    reduce: sumParts(
      `conv2dGradBias sum ${sizesOf(d)}`,
      ['scratch', 'db'],
      { parts, vectors: columns },
      features,
    ),
    scratchFloats: parts * columns * 4,
  };
}
