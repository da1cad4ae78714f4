// A tensor [N, H, W, C4] seen as a matrix, for sums along its columns: one row a pixel, one column a vector of four
// channels. Workgroups go through stretches of rows; what they leave is joined by a second dispatch.
import type { Shape } from '../../../graph/graph.ts';
import type { GpuFeatures, GpuTensor, Shader } from '../kernel.ts';
import { padded, stridesOf } from '../layout.ts';
import { declare } from '../wgsl.ts';
import { enableSubgroups, powerOfTwo, subgroupInputs } from './reduce.ts';

export const lanes = 256;
/** Columns of a workgroup at most: 32 vectors are 512 bytes, which memory delivers in whole lines. */
const maxColumns = 32;
/** Rows of an invocation, at least: its loop should cost more than the tree after it. */
const leastDepth = 8;
/** Workgroups down the rows at most: one workgroup of the second stage reads that many partial results. */
const maxStretches = 256;
/** Invocations that join the stretches of a column. */
export const combineLanes = 64;

/** How a matrix is cut into workgroups. */
export interface Cut {
  readonly rows: number;
  /** Vectors of four channels in a row. */
  readonly vectors: number;
  /** Columns and rows of invocations in a workgroup. */
  readonly columns: number;
  readonly lines: number;
  /** Rows of a workgroup. */
  readonly stretch: number;
  /** Workgroups down the rows. */
  readonly stretches: number;
}

export function cutOf([n, c, h, w]: Shape): Cut {
  const rows = n! * h! * w!;
  const vectors = padded(c!) / 4;
  const columns = Math.min(maxColumns, powerOfTwo(vectors));
  const lines = lanes / columns;
  const depth = Math.max(leastDepth, Math.ceil(rows / (lines * maxStretches)));
  const stretch = lines * depth;
  return { rows, vectors, columns, lines, stretch, stretches: Math.ceil(rows / stretch) };
}

/**
 * A shader over the matrix. `body` finds its column in `column`, its first row in `first`, one past the last
 * row of its workgroup in `end` and its place among the lines in `line`.
 */
export function overMatrix(
  { rows, vectors, columns, stretch, stretches }: Cut,
  {
    label,
    bindings,
    head,
    body,
  }: Pick<Shader, 'label' | 'bindings'> & { readonly head: string; readonly body: string },
  features: GpuFeatures,
): Shader {
  const code = `${enableSubgroups(features)}${declare(bindings)}
${head}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32${subgroupInputs(features)}) {
  let line = lane / ${columns}u;
  let own_column = group.y * ${columns}u + lane % ${columns}u;
  let column = min(own_column, ${vectors - 1}u);
  let first = group.x * ${stretch}u + line;
  let end = min((group.x + 1u) * ${stretch}u, ${rows}u);
${body}
}
`;
  return { label, code, bindings, workgroups: [stretches, Math.ceil(vectors / columns), 1] };
}

/** WGSL: `body` for each row of the invocation, whose element is `e`. */
export const forEachRow = ({ vectors, lines }: Cut, body: string): string =>
  `  for (var row = first; row < end; row += ${lines}u) {
    let e = row * ${vectors}u + column;
${body}
  }`;

/** About four operations an element in each pass. */
export const flopsOf = ({ shape, layout }: GpuTensor) => stridesOf(shape, layout).floats * 4;
