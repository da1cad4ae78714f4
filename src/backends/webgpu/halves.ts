// How activations and their gradients lie in memory: as floats, or as halves, which take half the memory
// and bandwidth. Arithmetic and sums are float32 in any case, as are weights, statistics and the loss.
// Two halves are packed into a word, which is core WGSL, so that every device has them.
import type { Binding } from './kernel.ts';

export type Storage = 'f32' | 'f16';

/** Storage of each tensor that a kernel reads or writes; what is not named is f32. */
export type Storages<Name extends string> = { readonly [name in Name]?: Storage };

const packed: Binding['type'] = 'vec2<u32>';

/** What a vector of four is in memory. */
export const vectors = (storage: Storage = 'f32'): Binding['type'] =>
  storage === 'f16' ? packed : 'vec4<f32>';

/** WGSL: the floats of a vector as it lies in memory. */
export const widened = (storage: Storage | undefined, vector: string): string =>
  storage === 'f16' ? `widen(${vector})` : vector;

/** WGSL: a vector of floats as it lies in memory. */
export const narrowed = (storage: Storage | undefined, floats: string): string =>
  storage === 'f16' ? `narrow(${floats})` : floats;

/** The functions behind widened() and narrowed(), where a binding needs them. */
export const halfFunctions = (bindings: readonly Binding[]): string =>
  bindings.some(({ type }) => type === packed) ? functions : '';

/**
 * WGSL leaves open whether packing rounds to the nearest half or truncates: so floats are rounded before, to the 11
 * bits that a half holds (nearest, ties to even; below 2^-14 it holds fewer and packing decides). It also leaves
 * open what becomes of numbers beyond the largest half: here they become NaN, which no ReLU and no sum takes
 * away, so that an overflow reaches the loss or the gradients. All of that on bits, since compilers may take
 * it that there is neither infinity nor NaN.
 */
const functions = `

fn widen(halves: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
}

fn narrow(floats: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(floats);
  let odd = (bits >> vec4<u32>(13u)) & vec4<u32>(1u);
  let rounded = bitcast<vec4<f32>>((bits + odd + vec4<u32>(0xfffu)) & vec4<u32>(0xffffe000u));
  let beyond = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(0x477ff000u);
  let held = select(rounded, vec4<f32>(), beyond);
  let nan = select(vec4<u32>(), vec4<u32>(0x7e00u), beyond);
  return vec2<u32>(pack2x16float(held.xy), pack2x16float(held.zw)) | nan.xz | (nan.yw << vec2<u32>(16u));
}
`;
