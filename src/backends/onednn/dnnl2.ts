// oneDNN 2.x behind a small table: how descriptors are filled and primitives are made in that
// version. 3.x makes them differently; it would be a second file with the same functions.
import koffi from 'koffi';
import { check, type Ffi, type Handle, status } from './ffi.ts';

/** An opaque dnnl_memory_desc_t: data type, dimensions and physical layout of a tensor. */
export type MemoryDesc = Uint8Array;

const descBytes = {
  memory: 696,
  convolution: 5976,
  batchNorm: 3496,
  eltwise: 1416,
  binary: 2096,
  resampling: 2848,
  pooling: 3192,
  reduction: 1408,
};

export const dataType = { bfloat16: 2, float32: 3, int32: 4, int8: 5, uint8: 6 } as const;
export type DataType = keyof typeof dataType;
export const elementBytes = { bfloat16: 2, float32: 4, int32: 4, int8: 1, uint8: 1 } as const;
/** Layouts by name: how dimensions lie in memory; `blocked16` is nChw16c. */
export const layout = { any: 1, x: 2, nchw: 5, nhwc: 20, blocked16: 69, blocked8: 93 } as const;
export type Layout = keyof typeof layout;

export const arg = {
  src: 1,
  src1: 2,
  dst: 17,
  weights: 33,
  bias: 41,
  mean: 49,
  variance: 50,
  scale: 51,
  shift: 52,
  workspace: 64,
  scratchpad: 80,
  diffSrc: 129,
  diffDst: 145,
  diffWeights: 161,
  diffBias: 169,
  diffScale: 255,
  diffShift: 256,
  /** Second source of the binary post-operation number i. */
  postOpSource: (i: number) => 16384 * (i + 1) + 2,
} as const;

const queryCode = {
  src: 129,
  diffSrc: 130,
  weights: 131,
  diffWeights: 132,
  dst: 133,
  diffDst: 134,
  workspace: 135,
  scratchpad: 136,
} as const;

const prop = { training: 64, inference: 96, backward: 128 } as const;
const algorithm = {
  ...{ relu: 31, sqrt: 111, linear: 127, reluUseDst: 256 },
  ...{ average: 767, nearest: 196592, max: 196594 },
} as const;
const binaryAlgorithm = { add: 131056, mul: 131057, div: 131060, sub: 131061 } as const;
export type BinaryAlgorithm = keyof typeof binaryAlgorithm;
export const convAlgorithm = { direct: 1, winograd: 2, auto: 3 } as const;
export type ConvAlgorithm = keyof typeof convAlgorithm;
const bn = { globalStats: 1, fuseRelu: 4, scale: 8, shift: 16 } as const;

/** What a primitive does to its result before storing it, in order. */
export type PostOp =
  /** Adds what is there before; `type` where that is not the type of the result. */
  | { readonly kind: 'sum'; readonly scale: number; readonly type?: DataType }
  | { readonly kind: 'relu' }
  | { readonly kind: 'sqrt' }
  | { readonly kind: 'linear'; readonly alpha: number; readonly beta: number }
  | { readonly kind: 'binary'; readonly algorithm: BinaryAlgorithm; readonly desc: MemoryDesc };

/** Factors of 8-bit arithmetic. */
export interface Scales {
  /** Of the result before post-operations: one, or one a channel. */
  readonly outputScales?: Float32Array;
  /** Of sources, by argument. */
  readonly argScales?: readonly (readonly [index: number, scale: number])[];
}

/** A primitive that could be made: its layouts can be asked for before it is. */
export interface PrimitiveDesc {
  readonly handle: Handle;
  /** Layout that the primitive wants for one of its tensors; empty (0 bytes) if it has none. */
  desc(of: keyof typeof queryCode): MemoryDesc;
  /** 'jit:avx512_core', 'brgconv:…', 'ref:any'. */
  implementation(): string;
  destroy(): void;
}

export interface ConvShape {
  readonly x: MemoryDesc;
  readonly w: MemoryDesc;
  readonly b?: MemoryDesc | undefined;
  readonly y: MemoryDesc;
  readonly stride: number;
  readonly padding: number;
  readonly algorithm: ConvAlgorithm;
}

export type Dnnl = ReturnType<typeof createDnnl>;

/** Bit 5 of dnnl_cpu_isa_t stands for AVX-512 (core) and everything newer. */
const hasAvx512 = (c: Ffi['c']) => (c.dnnl_get_effective_cpu_isa() & 0x20) !== 0;

/** Bit 7 stands for AVX512_BF16 and newer. */
export const hasBfloat16 = (c: Ffi['c']): boolean => (c.dnnl_get_effective_cpu_isa() & 0x80) !== 0;

/** One engine and one stream on the CPU, with everything that makes descriptors and primitives. */
export function createDnnl({ c }: Ffi) {
  const out = new BigUint64Array(1);
  const made = (code: number, call: string): Handle => {
    check(code, call);
    return Number(out[0]);
  };
  const engine = made(c.dnnl_engine_create(out, 1, 0), 'dnnl_engine_create');
  const stream = made(c.dnnl_stream_create(out, engine, 1), 'dnnl_stream_create');

  /** Of no dimensions and no bytes. */
  const nothing: MemoryDesc = new Uint8Array(descBytes.memory);
  /** A network has few layouts and thousands of tensors, which share them. */
  const descs = new Map<string, MemoryDesc>();

  function desc(type: DataType, dims: readonly number[], tag: Layout): MemoryDesc {
    const key = `${type} ${tag} ${dims}`;
    const known = descs.get(key);
    if (known) return known;
    const md = new Uint8Array(descBytes.memory);
    const size = BigInt64Array.from(dims.map(BigInt));
    const code = c.dnnl_memory_desc_init_by_tag(md, dims.length, size, dataType[type], layout[tag]);
    check(code, `dnnl_memory_desc_init_by_tag([${dims}], ${tag})`);
    descs.set(key, md);
    return md;
  }

  function wrap(handle: Handle): PrimitiveDesc {
    return {
      handle,
      desc: (of) => {
        const pointer = c.dnnl_primitive_desc_query_md(handle, queryCode[of], 0);
        if (pointer === null) return nothing;
        const md = new Uint8Array(koffi.view(pointer, descBytes.memory));
        return md[0] === 0 ? nothing : md.slice(); // It begins with the number of dimensions.
      },
      implementation: () => {
        const text: [string | null] = [null];
        check(c.dnnl_primitive_desc_query(handle, 8, 0, text), 'dnnl_primitive_desc_query');
        return text[0] ?? '';
      },
      destroy: () => check(c.dnnl_primitive_desc_destroy(handle), 'dnnl_primitive_desc_destroy'),
    };
  }

  function withAttributes<T>(
    postOps: readonly PostOp[],
    { outputScales, argScales = [] }: Scales,
    use: (attr: Handle) => T,
  ): T {
    const attr = made(c.dnnl_primitive_attr_create(out), 'dnnl_primitive_attr_create');
    // Scratchpads are planned like all other memory instead of kept by the library at their largest.
    const userMode = 1;
    check(
      c.dnnl_primitive_attr_set_scratchpad_mode(attr, userMode),
      'dnnl_primitive_attr_set_scratchpad_mode',
    );
    if (outputScales) {
      const mask = outputScales.length > 1 ? 2 : 0; // Bit 1 stands for the channels.
      check(
        c.dnnl_primitive_attr_set_output_scales(attr, outputScales.length, mask, outputScales),
        'dnnl_primitive_attr_set_output_scales',
      );
    }
    for (const [index, scale] of argScales) {
      check(
        c.dnnl_primitive_attr_set_scales(attr, index, 1, 0, Float32Array.of(scale)),
        'dnnl_primitive_attr_set_scales',
      );
    }
    const list = made(c.dnnl_post_ops_create(out), 'dnnl_post_ops_create');
    try {
      for (const op of postOps) appendPostOp(list, op);
      check(c.dnnl_primitive_attr_set_post_ops(attr, list), 'dnnl_primitive_attr_set_post_ops');
      return use(attr);
    } finally {
      c.dnnl_post_ops_destroy(list);
      c.dnnl_primitive_attr_destroy(attr);
    }
  }

  function appendPostOp(list: Handle, op: PostOp): void {
    check(appendByKind(list, op), `dnnl_post_ops_append_${op.kind}`);
  }

  function appendByKind(list: Handle, op: PostOp): number {
    switch (op.kind) {
      case 'sum':
        return c.dnnl_post_ops_append_sum_v2(list, op.scale, op.type ? dataType[op.type] : 0);
      case 'relu':
        return c.dnnl_post_ops_append_eltwise(list, 1, algorithm.relu, 0, 0);
      case 'sqrt':
        return c.dnnl_post_ops_append_eltwise(list, 1, algorithm.sqrt, 0, 0);
      case 'linear':
        return c.dnnl_post_ops_append_eltwise(list, 1, algorithm.linear, op.alpha, op.beta);
      case 'binary':
        return c.dnnl_post_ops_append_binary(list, binaryAlgorithm[op.algorithm], op.desc);
      default:
        return op satisfies never;
    }
  }

  /** Descriptor → primitive descriptor; undefined where the library has no implementation. */
  function tryDescribe(
    what: string,
    opDesc: Uint8Array,
    forward?: PrimitiveDesc,
    postOps: readonly PostOp[] = [],
    scales: Scales = {},
  ): PrimitiveDesc | undefined {
    return withAttributes(postOps, scales, (attr) => {
      const code = c.dnnl_primitive_desc_create(out, opDesc, attr, engine, forward?.handle ?? 0);
      if (code === status.unimplemented) return undefined;
      return wrap(made(code, `dnnl_primitive_desc_create(${what})`));
    });
  }

  function describe(...args: Parameters<typeof tryDescribe>): PrimitiveDesc {
    const pd = tryDescribe(...args);
    if (!pd) check(status.unimplemented, `dnnl_primitive_desc_create(${args[0]})`);
    return pd!;
  }

  const pair = (value: number) => BigInt64Array.of(BigInt(value), BigInt(value));
  const geometry = ({ stride, padding }: ConvShape) =>
    [pair(stride), pair(padding), pair(padding)] as const;

  return {
    engine,
    stream,
    desc,
    /** Channel blocks as wide as the CPU's vectors. */
    blockedLayout: (hasAvx512(c) ? 'blocked16' : 'blocked8') as Layout,
    /** The first pictures of a tensor, as it lies. */
    firstPictures(whole: MemoryDesc, dims: readonly number[]): MemoryDesc {
      const md = new Uint8Array(descBytes.memory);
      const size = BigInt64Array.from(dims, BigInt);
      const code = c.dnnl_memory_desc_init_submemory(
        md,
        whole,
        size,
        new BigInt64Array(dims.length),
      );
      check(code, `dnnl_memory_desc_init_submemory([${dims}])`);
      return md;
    },
    equal: (a: MemoryDesc, b: MemoryDesc) => c.dnnl_memory_desc_equal(a, b) === 1,
    bytes: (md: MemoryDesc) => Number(c.dnnl_memory_desc_get_size(md)),

    /** undefined where the algorithm does not exist for these shapes and layouts. */
    convForward(
      shape: ConvShape,
      training: boolean,
      postOps: readonly PostOp[] = [],
      scales: Scales = {},
    ) {
      const d = new Uint8Array(descBytes.convolution);
      const code = c.dnnl_convolution_forward_desc_init(
        d,
        training ? prop.training : prop.inference,
        convAlgorithm[shape.algorithm],
        shape.x,
        shape.w,
        shape.b ?? null,
        shape.y,
        ...geometry(shape),
      );
      check(code, 'dnnl_convolution_forward_desc_init');
      return tryDescribe('convolution forward', d, undefined, postOps, scales);
    },

    convBackwardData(shape: ConvShape, forward: PrimitiveDesc) {
      const d = new Uint8Array(descBytes.convolution);
      const code = c.dnnl_convolution_backward_data_desc_init(
        d,
        convAlgorithm[shape.algorithm],
        shape.x,
        shape.w,
        shape.y,
        ...geometry(shape),
      );
      check(code, 'dnnl_convolution_backward_data_desc_init');
      return tryDescribe('convolution backward data', d, forward);
    },

    convBackwardWeights(shape: ConvShape, forward: PrimitiveDesc) {
      const d = new Uint8Array(descBytes.convolution);
      const code = c.dnnl_convolution_backward_weights_desc_init(
        d,
        convAlgorithm[shape.algorithm],
        shape.x,
        shape.w,
        shape.b ?? null,
        shape.y,
        ...geometry(shape),
      );
      check(code, 'dnnl_convolution_backward_weights_desc_init');
      return tryDescribe('convolution backward weights', d, forward);
    },

    batchNormForward(
      x: MemoryDesc,
      epsilon: number,
      options: { training: boolean; relu: boolean },
    ) {
      const d = new Uint8Array(descBytes.batchNorm);
      const { training, relu } = options;
      const flags =
        bn.scale | bn.shift | (relu ? bn.fuseRelu : 0) | (training ? 0 : bn.globalStats);
      const kind = training ? prop.training : prop.inference;
      const code = c.dnnl_batch_normalization_forward_desc_init(d, kind, x, epsilon, flags);
      check(code, 'dnnl_batch_normalization_forward_desc_init');
      return describe('batch normalization forward', d);
    },

    batchNormBackward(x: MemoryDesc, epsilon: number, relu: boolean, forward: PrimitiveDesc) {
      const d = new Uint8Array(descBytes.batchNorm);
      const flags = bn.scale | bn.shift | (relu ? bn.fuseRelu : 0);
      const code = c.dnnl_batch_normalization_backward_desc_init(
        d,
        prop.backward,
        x,
        x,
        epsilon,
        flags,
      );
      check(code, 'dnnl_batch_normalization_backward_desc_init');
      return describe('batch normalization backward', d, forward);
    },

    relu(x: MemoryDesc) {
      const d = new Uint8Array(descBytes.eltwise);
      const code = c.dnnl_eltwise_forward_desc_init(d, prop.training, algorithm.relu, x, 0, 0);
      check(code, 'dnnl_eltwise_forward_desc_init');
      return describe('relu', d);
    },

    /** dx = dy where y > 0: the gradient by the result of the ReLU. */
    reluBackward(y: MemoryDesc) {
      const forward = new Uint8Array(descBytes.eltwise);
      const kind = algorithm.reluUseDst;
      const code = c.dnnl_eltwise_forward_desc_init(forward, prop.training, kind, y, 0, 0);
      check(code, 'dnnl_eltwise_forward_desc_init');
      const hint = describe('relu', forward);
      const d = new Uint8Array(descBytes.eltwise);
      check(
        c.dnnl_eltwise_backward_desc_init(d, kind, y, y, 0, 0),
        'dnnl_eltwise_backward_desc_init',
      );
      const pd = describe('relu backward', d, hint);
      hint.destroy();
      return pd;
    },

    binary(
      kind: BinaryAlgorithm,
      a: MemoryDesc,
      b: MemoryDesc,
      y: MemoryDesc,
      postOps: readonly PostOp[] = [],
      scales: Scales = {},
    ) {
      const d = new Uint8Array(descBytes.binary);
      check(c.dnnl_binary_desc_init(d, binaryAlgorithm[kind], a, b, y), 'dnnl_binary_desc_init');
      return describe(`binary ${kind}`, d, undefined, postOps, scales);
    },

    resample(x: MemoryDesc, y: MemoryDesc, postOps: readonly PostOp[] = []) {
      const d = new Uint8Array(descBytes.resampling);
      const code = c.dnnl_resampling_forward_desc_init(
        d,
        prop.training,
        algorithm.nearest,
        null,
        x,
        y,
      );
      check(code, 'dnnl_resampling_forward_desc_init');
      return describe('resampling', d, undefined, postOps);
    },

    /** y is x averaged over blocks of scale × scale. */
    averageBlocks(x: MemoryDesc, y: MemoryDesc, scale: number, postOps: readonly PostOp[] = []) {
      const d = new Uint8Array(descBytes.pooling);
      const code = c.dnnl_pooling_forward_desc_init(
        d,
        prop.inference,
        algorithm.average,
        x,
        y,
        ...[pair(scale), pair(scale), pair(0), pair(0)],
      );
      check(code, 'dnnl_pooling_forward_desc_init');
      return describe('pooling', d, undefined, postOps);
    },

    /** The largest of every row: x [1, 1, rows, columns], y [1, 1, rows, 1]. */
    rowMaxima(x: MemoryDesc, y: MemoryDesc) {
      const d = new Uint8Array(descBytes.reduction);
      const code = c.dnnl_reduction_desc_init(d, algorithm.max, x, y, 0, 0);
      check(code, 'dnnl_reduction_desc_init');
      return describe('reduction', d);
    },

    /** Also changes the element type; every element is multiplied by `scale` first. */
    reorder(from: MemoryDesc, to: MemoryDesc, scale = 1) {
      const make = (attr: Handle) => {
        const code = c.dnnl_reorder_primitive_desc_create(out, from, engine, to, engine, attr);
        return wrap(made(code, 'dnnl_reorder_primitive_desc_create'));
      };
      if (scale === 1) return make(0);
      return withAttributes([], { outputScales: Float32Array.of(scale) }, make);
    },

    primitive: (pd: PrimitiveDesc): Handle =>
      made(c.dnnl_primitive_create(out, pd.handle), 'dnnl_primitive_create'),
    destroyPrimitive: (primitive: Handle) =>
      check(c.dnnl_primitive_destroy(primitive), 'dnnl_primitive_destroy'),
    memory: (md: MemoryDesc, address: number): Handle =>
      made(c.dnnl_memory_create(out, md, engine, address), 'dnnl_memory_create'),
    destroyMemory: (memory: Handle) => check(c.dnnl_memory_destroy(memory), 'dnnl_memory_destroy'),
    /** Runs a primitive to its end; `args` is the address of encoded arguments. */
    run(primitive: Handle, count: number, args: number): void {
      const code = c.dnnl_primitive_execute(primitive, stream, count, args);
      if (code !== status.success) check(code, 'dnnl_primitive_execute');
    },
    close() {
      check(c.dnnl_stream_destroy(stream), 'dnnl_stream_destroy');
      check(c.dnnl_engine_destroy(engine), 'dnnl_engine_destroy');
    },
  };
}
