// Whether any gradient is infinite or NaN. Every gradient is read once, 4 bytes a parameter, by at most 256
// workgroups for each stretch of states; one more looks through what they found. Bits are compared, since
// compilers may take it that there is neither infinity nor NaN.
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import type { Kernel } from '../lower.ts';
import { declare, groupSize, read, readWrite } from '../wgsl.ts';
import { flatRuns } from './flatRuns.ts';
import { enableSubgroups, type Joined, subgroupInputs, tree } from './reduce.ts';

const maxParts = 256;

const partsOf = (vectors: number) => Math.min(maxParts, Math.ceil(vectors / groupSize));
const vectorsOf = ({ block }: GpuTensor) => block.bytes / 16;

const found: Joined = { of: 'found', join: (a, b) => `${a} | ${b}` };

/** parts[first + g] ← 1 where workgroup g's share of the gradients holds an infinity or a NaN, else 0. */
export function overflowPartsShader(count: number, first: number, features: GpuFeatures): Shader {
  const bindings = [read('gradients', 'vec4<u32>'), readWrite('parts', 'u32')];
  const parts = partsOf(count);
  const code = `${enableSubgroups(features)}${declare(bindings)}

var<workgroup> found: array<u32, ${groupSize}>;

@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let exponent = vec4<u32>(0x7f800000u);
  var largest = vec4<u32>();
  for (var i = group.x * ${groupSize}u + lane; i < ${count}u; i += ${parts * groupSize}u) {
    largest = max(largest, gradients[i] & exponent);
  }
  found[lane] = u32(any(largest == exponent));
${tree([found], groupSize, 1, features)}
  if (lane == 0u) { parts[${first}u + group.x] = found[0]; }
}
`;
  return { label: `overflow ${count}×4`, code, bindings, workgroups: [parts, 1, 1] };
}

/** y[0] ← x[0], or 0 where a part is not 0; the padding of y ← 0. */
export function overflowSumShader(parts: number, features: GpuFeatures): Shader {
  const bindings = [read('parts', 'u32'), read('x', 'f32'), readWrite('y')];
  const code = `${enableSubgroups(features)}${declare(bindings)}

var<workgroup> found: array<u32, ${maxParts}>;

@compute @workgroup_size(${maxParts})
fn main(@builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  var own = 0u;
  for (var i = lane; i < ${parts}u; i += ${maxParts}u) { own |= parts[i]; }
  found[lane] = own;
${tree([found], maxParts, 1, features)}
  if (lane == 0u) { y[0] = vec4<f32>(select(x[0], 0.0, found[0] != 0u), 0.0, 0.0, 0.0); }
}
`;
  return { label: `overflow of ${parts} parts`, code, bindings, workgroups: [1, 1, 1] };
}

export const zeroOnOverflow: Kernel = ({ inputs: [x, ...gradients], outputs: [y] }, low) => {
  const runs = flatRuns(low, [gradients.map((value) => low.tensor(value))]).map(([run]) => run!);
  const total = runs.reduce((sum, run) => sum + partsOf(vectorsOf(run)), 0);
  const parts = low.scratch([total]);
  let first = 0;
  for (const run of runs) {
    low.dispatch(overflowPartsShader(vectorsOf(run), first, low.features), [run, parts]);
    first += partsOf(vectorsOf(run));
  }
  const shader = overflowSumShader(total, low.features);
  low.dispatch(shader, [parts, low.in(x!, 'plain'), low.out(y!, 'plain')]);
};
