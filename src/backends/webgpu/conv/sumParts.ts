// total[i] = Σ over s of part[s, i]: the second stage of sums that workgroups made apart.
//   part: [parts, vectors] vectors of four, total: [vectors]
// Where there are many parts, several invocations share a vector: each adds every lanes-th part, then they
// add each other; always the same numbers in the same order. Reads every part once.
import type { GpuFeatures, Shader } from '../kernel.ts';
import { enableSubgroups, powerOfTwo, subgroupInputs, summed, tree } from '../kernels/reduce.ts';
import { declare, grid, groupSize, perElement, read, readWrite } from '../wgsl.ts';
import { groupNumber } from './gemm.ts';

/** Parts that an invocation adds before another one helps, and invocations to a vector at most. */
const partsEach = 8;
const mostLanes = 16;

export interface Parts {
  readonly parts: number;
  /** Vectors of four in each. */
  readonly vectors: number;
}

/** Bindings: `from`, `to`. */
export function sumParts(
  label: string,
  [from, to]: readonly [string, string],
  { parts, vectors }: Parts,
  features: GpuFeatures,
): Shader {
  const lanes = Math.min(mostLanes, powerOfTwo(parts / partsEach));
  const bindings = [read(from), readWrite(to)];
  const sum = (first: string) => `  var sum = vec4<f32>();
  if (i < ${vectors}u) {
    for (var part = ${first}; part < ${parts}u; part += ${lanes}u) {
      sum += ${from}[part * ${vectors}u + i];
    }
  }`;
  if (lanes === 1) {
    const body = `${sum('0u')}\n  ${to}[i] = sum;`;
    return perElement({ label, bindings, count: vectors, body });
  }
  const across = groupSize / lanes;
  const workgroups = grid(Math.ceil(vectors / across));
  const code = `${enableSubgroups(features)}${declare(bindings)}
var<workgroup> sums: array<vec4<f32>, ${groupSize}>;

@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let i = (${groupNumber(workgroups)}) * ${across}u + lane % ${across}u;
${sum(`lane / ${across}u`)}
  sums[lane] = sum;
${tree([summed('sums')], lanes, across, features)}
  if (lane < ${across}u && i < ${vectors}u) { ${to}[i] = sums[lane]; }
}
`;
  return { label, code, bindings, workgroups };
}
