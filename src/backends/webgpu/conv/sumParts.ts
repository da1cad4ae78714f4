// total[i] = Σ over s of part[s, i]: the second stage of sums that workgroups made apart.
//   part: [parts, vectors] vectors of four, total: [vectors]
// A workgroup takes 32 vectors and eight invocations for each, which add every eighth part and then
// each other: always the same numbers in the same order. Reads every part once.
import type { Shader } from '../kernel.ts';
import { treeSum } from '../kernels/reduce.ts';
import { declare, grid, read, readWrite } from '../wgsl.ts';
import { groupNumber } from './gemm.ts';

const across = 32;
const lanes = 8;

/** Bindings: `from`, `to`. */
export function sumParts(
  label: string,
  [from, to]: readonly [string, string],
  { parts, vectors }: { readonly parts: number; readonly vectors: number },
): Shader {
  const bindings = [read(from), readWrite(to)];
  const workgroups = grid(Math.ceil(vectors / across));
  const code = `${declare(bindings)}
var<workgroup> sums: array<vec4<f32>, ${across * lanes}>;

@compute @workgroup_size(${across * lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (${groupNumber(workgroups)}) * ${across}u + lane % ${across}u;
  var sum = vec4<f32>();
  if (i < ${vectors}u) {
    for (var part = lane / ${across}u; part < ${parts}u; part += ${lanes}u) {
      sum += ${from}[part * ${vectors}u + i];
    }
  }
  sums[lane] = sum;
${treeSum('sums', lanes, across)}
  if (lane < ${across}u && i < ${vectors}u) { ${to}[i] = sums[lane]; }
}
`;
  return { label, code, bindings, workgroups };
}
