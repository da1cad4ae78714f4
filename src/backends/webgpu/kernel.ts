// What passes between the files that write WGSL and the program that runs it: shaders as text,
// with their bindings, and dispatches of them. Plain data; nothing here touches a device.
//
// In memory an activation [N, C, H, W] is [N, H, W, C4]: channels last, padded to a multiple of 4. A
// weight [M, C, k, k] is [k, k, C4, M4]. What is padding is zero, and every kernel leaves it zero.

import type { Shape } from '../../graph/graph.ts';
import type { Storage } from './halves.ts';
import type { Layout } from './layout.ts';

/** One compute shader with its bindings in order: binding i of group 0 is bindings[i]. */
export interface Shader {
  /** 'conv2d 3x3 s1 64→64 tile 64x64'. */
  readonly label: string;
  /** WGSL with the entry point `main`; everything known at prepare is a constant in the text. */
  readonly code: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
}

export interface Binding {
  readonly name: string;
  readonly access: 'read' | 'read_write';
  readonly type: 'f32' | 'vec4<f32>' | 'vec2<u32>' | 'u32' | 'vec4<u32>';
}

/** What a subgroup multiplies in one operation: matrices [m, k] · [k, n], with sums in float32. */
export interface MatrixUnit {
  readonly component: 'f16' | 'f32';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Invocations of a subgroup, of every subgroup on the device. */
  readonly subgroupSize: number;
}

/** What the adapter can do, as far as kernels ask. */
export interface GpuFeatures {
  readonly subgroups: boolean;
  /** A CPU emulates it: workgroup memory is no nearer than the rest, and few invocations run at once. */
  readonly software: boolean;
  /** Where the device was asked for them. */
  readonly matrixUnits?: readonly MatrixUnit[];
  /** Bytes of workgroup memory. */
  readonly maxWorkgroupMemory: number;
  /** Invocations in a workgroup. */
  readonly maxInvocations: number;
}

/** Where a piece of memory lies. Offsets are multiples of 256, so that any adapter can bind them. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** A stretch of memory: in the program's arena, where its lifetime decides, or that of a state or a feed. */
export interface GpuBlock {
  /** Of whole vectors: 16 bytes each, 8 where they are halves. */
  readonly bytes: number;
  readonly state?: string;
  /** Where it lies, for a stretch over several states. */
  readonly range?: BufferRange;
  /** Handed over before the run. */
  readonly feed?: boolean;
}

/** A tensor on the device: its logical shape, how its elements lie and the memory they lie in. */
export interface GpuTensor {
  readonly shape: Shape;
  readonly layout: Layout;
  readonly storage: Storage;
  readonly block: GpuBlock;
}

/** A dispatch of a kernel: its shader and the tensor behind each binding. */
export interface Dispatch {
  readonly shader: Shader;
  readonly tensors: readonly GpuTensor[];
  readonly flops: number;
  readonly bytes: number;
  /** Op that it is a part of, and the node's name. */
  readonly op: string;
  readonly node: string;
}
