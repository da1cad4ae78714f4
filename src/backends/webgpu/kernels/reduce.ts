// The tree that ends every reduction inside a workgroup: pairs, then pairs of pairs, so that rounding
// grows with the logarithm of the count, and always in the same order.
//
// Where the device has subgroups, they take over as soon as what is left fits into one: its values then go
// from register to register without barriers, joined in the same order whatever the size of a subgroup.
// WGSL does not say which invocations make one; so each reads what is left by its own numbering, and all
// do the same.
import type { GpuFeatures } from '../kernel.ts';

/** Values in workgroup memory, one an invocation, and how two become one. */
export interface Joined {
  readonly of: string;
  readonly join: (a: string, b: string) => string;
  /** A value whose every part went through `move`; for structs, of which only the parts can be moved. */
  readonly moved?: (value: string, move: (part: string) => string) => string;
}

export const summed = (of: string): Joined => ({ of, join: (a, b) => `${a} + ${b}` });

/** WGSL before all else in the text of a shader with a tree. */
export const enableSubgroups = ({ subgroups }: GpuFeatures): string =>
  subgroups ? 'enable subgroups;\n' : '';

/** WGSL after the last parameter of such a shader's entry point. */
export const subgroupInputs = ({ subgroups }: GpuFeatures): string =>
  subgroups
    ? ', @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32'
    : '';

/**
 * WGSL statements that halve `count` (a power of 2) rows of `stride` invocations (as well) until one is left,
 * whose values the first `stride` invocations find at their own places.
 */
export function tree(
  values: readonly Joined[],
  count: number,
  stride: number,
  { subgroups }: GpuFeatures,
): string {
  if (count === 1) return '';
  if (!subgroups) return inMemory(values, count, stride, `${stride}u`);
  return `  let width = min(subgroup_size, ${count * stride}u);
${inMemory(values, count, stride, `max(width, ${stride}u)`)}
${inSubgroups(values, stride)}`;
}

function inMemory(values: readonly Joined[], count: number, stride: number, least: string): string {
  const step = ({ of, join }: Joined) =>
    `${of}[lane] = ${join(`${of}[lane]`, `${of}[lane + half]`)};`;
  return `  for (var half = ${(count / 2) * stride}u; half >= ${least}; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { ${values.map(step).join(' ')} }
  }
  workgroupBarrier();`;
}

function inSubgroups(values: readonly Joined[], stride: number): string {
  const each = (line: (value: Joined, total: string) => string) =>
    values.map((value) => line(value, `${value.of}_total`)).join('\n');
  const moved = (value: Joined, total: string, move: (part: string) => string) =>
    value.moved?.(total, move) ?? move(total);
  const down = (part: string) => `subgroupShuffleDown(${part}, half)`;
  const toColumn = (part: string) => `subgroupShuffle(${part}, lane % ${stride}u)`;
  return `  if (width > ${stride}u) {
${each(({ of }, total) => `    var ${total} = ${of}[subgroup_lane % width];`)}
    for (var half = width / 2u; half >= ${stride}u; half /= 2u) {
${each((value, total) => `      ${total} = ${value.join(total, moved(value, total, down))};`)}
    }
${each((value, total) => `    ${total} = ${moved(value, total, toColumn)};`)}
    workgroupBarrier();
    if (lane < ${stride}u) {
${each(({ of }, total) => `      ${of}[lane] = ${total};`)}
    }
  }`;
}

/** The power of 2 at or above n. */
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));
