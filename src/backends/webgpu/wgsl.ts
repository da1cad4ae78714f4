// The parts of WGSL that every kernel's text has: bindings, the numbering of invocations, literals.
import { halfFunctions } from './halves.ts';
import type { Binding, Shader } from './kernel.ts';

/** Invocations of a workgroup in kernels that go element by element. */
export const groupSize = 256;

/** Workgroups in x before a grid goes on in y: the least that WebGPU guarantees. */
const maxGroups = 65535;

/** A number as a float literal: rounded to float32, for WGSL refuses what does not fit. */
export function float(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

export const read = (name: string, type: Binding['type'] = 'vec4<f32>'): Binding => ({
  name,
  access: 'read',
  type,
});

export const readWrite = (name: string, type: Binding['type'] = 'vec4<f32>'): Binding => ({
  name,
  access: 'read_write',
  type,
});

/** The declarations of group 0, one line a binding, and what they need to be read and written. */
export const declare = (bindings: readonly Binding[]): string => {
  const lines = bindings.map(
    ({ name, access, type }, i) =>
      `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${type}>;`,
  );
  return lines.join('\n') + halfFunctions(bindings);
};

/** A grid of at least `groups` workgroups that no dimension's limit stops. */
export function grid(groups: number): readonly [number, number, number] {
  if (groups <= maxGroups) return [groups, 1, 1];
  return [maxGroups, Math.ceil(groups / maxGroups), 1];
}

export interface PerElement {
  readonly label: string;
  readonly bindings: readonly Binding[];
  /** Invocations that do something: one for each element. */
  readonly count: number;
  /** Declarations before the entry point. */
  readonly head?: string;
  /** Statements with the element's number in `i`. */
  readonly body: string;
}

/** One invocation an element. */
export function perElement({ label, bindings, count, head = '', body }: PerElement): Shader {
  const code = `${declare(bindings)}
${head}
@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * ${maxGroups}u + group.x) * ${groupSize}u + lane;
  if (i >= ${count}u) { return; }
${body}
}
`;
  return { label, code, bindings, workgroups: grid(Math.ceil(count / groupSize)) };
}

/** max(0, x) that keeps NaN: a run that went wrong must show in its loss. */
export const rectified = (x: string): string => `select(${x}, vec4<f32>(), ${x} < vec4<f32>())`;
