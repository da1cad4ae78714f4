// The C boundary: the functions of oneDNN 2.x and libc as their headers declare them, handles as
// plain numbers, one check for every status. Nothing outside this folder sees a pointer.
import koffi, { type LibraryHandle } from 'koffi';
import { environmentError } from '../../errors.ts';
import { formatBytes } from '../../format.ts';

/** Address of an object that the library owns. */
export type Handle = number;

const declarations = {
  dnnl_engine_create: 'int dnnl_engine_create(uint64_t *engine, int kind, size_t index)',
  dnnl_engine_destroy: 'int dnnl_engine_destroy(dnnl_engine_t engine)',
  dnnl_stream_create:
    'int dnnl_stream_create(uint64_t *stream, dnnl_engine_t engine, unsigned int flags)',
  dnnl_stream_wait: 'int dnnl_stream_wait(dnnl_stream_t stream)',
  dnnl_stream_destroy: 'int dnnl_stream_destroy(dnnl_stream_t stream)',
  dnnl_get_effective_cpu_isa: 'int dnnl_get_effective_cpu_isa()',
  dnnl_set_primitive_cache_capacity: 'int dnnl_set_primitive_cache_capacity(int capacity)',
  dnnl_memory_desc_init_by_tag:
    'int dnnl_memory_desc_init_by_tag(void *memory_desc, int ndims, const int64_t *dims, int data_type, int tag)',
  dnnl_memory_desc_init_submemory:
    'int dnnl_memory_desc_init_submemory(void *memory_desc, const void *parent, const int64_t *dims, const int64_t *offsets)',
  dnnl_memory_desc_equal: 'int dnnl_memory_desc_equal(const void *lhs, const void *rhs)',
  dnnl_memory_desc_get_size: 'size_t dnnl_memory_desc_get_size(const void *memory_desc)',
  dnnl_memory_create:
    'int dnnl_memory_create(uint64_t *memory, const void *memory_desc, dnnl_engine_t engine, uintptr_t handle)',
  dnnl_memory_destroy: 'int dnnl_memory_destroy(dnnl_memory_t memory)',
  dnnl_primitive_desc_create:
    'int dnnl_primitive_desc_create(uint64_t *primitive_desc, const void *op_desc, dnnl_primitive_attr_t attr, dnnl_engine_t engine, dnnl_primitive_desc_t hint_forward)',
  dnnl_primitive_desc_destroy: 'int dnnl_primitive_desc_destroy(dnnl_primitive_desc_t pd)',
  dnnl_primitive_desc_query_md:
    'const void *dnnl_primitive_desc_query_md(dnnl_primitive_desc_t pd, int what, int index)',
  dnnl_primitive_desc_query:
    'int dnnl_primitive_desc_query(dnnl_primitive_desc_t pd, int what, int index, _Out_ const char **result)',
  dnnl_primitive_create: 'int dnnl_primitive_create(uint64_t *primitive, dnnl_primitive_desc_t pd)',
  dnnl_primitive_execute:
    'int dnnl_primitive_execute(dnnl_primitive_t primitive, dnnl_stream_t stream, int nargs, uintptr_t args)',
  dnnl_primitive_destroy: 'int dnnl_primitive_destroy(dnnl_primitive_t primitive)',
  dnnl_primitive_attr_create: 'int dnnl_primitive_attr_create(uint64_t *attr)',
  dnnl_primitive_attr_destroy: 'int dnnl_primitive_attr_destroy(dnnl_primitive_attr_t attr)',
  dnnl_primitive_attr_set_scratchpad_mode:
    'int dnnl_primitive_attr_set_scratchpad_mode(dnnl_primitive_attr_t attr, int mode)',
  dnnl_primitive_attr_set_post_ops:
    'int dnnl_primitive_attr_set_post_ops(dnnl_primitive_attr_t attr, dnnl_post_ops_t post_ops)',
  dnnl_primitive_attr_set_output_scales:
    'int dnnl_primitive_attr_set_output_scales(dnnl_primitive_attr_t attr, int64_t count, int mask, const float *scales)',
  dnnl_primitive_attr_set_scales:
    'int dnnl_primitive_attr_set_scales(dnnl_primitive_attr_t attr, int arg, int64_t count, int mask, const float *scales)',
  dnnl_post_ops_create: 'int dnnl_post_ops_create(uint64_t *post_ops)',
  dnnl_post_ops_destroy: 'int dnnl_post_ops_destroy(dnnl_post_ops_t post_ops)',
  dnnl_post_ops_append_sum: 'int dnnl_post_ops_append_sum(dnnl_post_ops_t post_ops, float scale)',
  dnnl_post_ops_append_sum_v2:
    'int dnnl_post_ops_append_sum_v2(dnnl_post_ops_t post_ops, float scale, int data_type)',
  dnnl_post_ops_append_eltwise:
    'int dnnl_post_ops_append_eltwise(dnnl_post_ops_t post_ops, float scale, int alg_kind, float alpha, float beta)',
  dnnl_post_ops_append_binary:
    'int dnnl_post_ops_append_binary(dnnl_post_ops_t post_ops, int alg_kind, const void *src1_desc)',
  dnnl_reorder_primitive_desc_create:
    'int dnnl_reorder_primitive_desc_create(uint64_t *pd, const void *src_desc, dnnl_engine_t src_engine, const void *dst_desc, dnnl_engine_t dst_engine, dnnl_primitive_attr_t attr)',
  dnnl_convolution_forward_desc_init:
    'int dnnl_convolution_forward_desc_init(void *conv_desc, int prop_kind, int alg_kind, const void *src_desc, const void *weights_desc, const void *bias_desc, const void *dst_desc, const int64_t *strides, const int64_t *padding_l, const int64_t *padding_r)',
  dnnl_convolution_backward_data_desc_init:
    'int dnnl_convolution_backward_data_desc_init(void *conv_desc, int alg_kind, const void *diff_src_desc, const void *weights_desc, const void *diff_dst_desc, const int64_t *strides, const int64_t *padding_l, const int64_t *padding_r)',
  dnnl_convolution_backward_weights_desc_init:
    'int dnnl_convolution_backward_weights_desc_init(void *conv_desc, int alg_kind, const void *src_desc, const void *diff_weights_desc, const void *diff_bias_desc, const void *diff_dst_desc, const int64_t *strides, const int64_t *padding_l, const int64_t *padding_r)',
  dnnl_batch_normalization_forward_desc_init:
    'int dnnl_batch_normalization_forward_desc_init(void *bnrm_desc, int prop_kind, const void *data_desc, float epsilon, unsigned int flags)',
  dnnl_batch_normalization_backward_desc_init:
    'int dnnl_batch_normalization_backward_desc_init(void *bnrm_desc, int prop_kind, const void *diff_data_desc, const void *data_desc, float epsilon, unsigned int flags)',
  dnnl_eltwise_forward_desc_init:
    'int dnnl_eltwise_forward_desc_init(void *eltwise_desc, int prop_kind, int alg_kind, const void *data_desc, float alpha, float beta)',
  dnnl_eltwise_backward_desc_init:
    'int dnnl_eltwise_backward_desc_init(void *eltwise_desc, int alg_kind, const void *diff_data_desc, const void *data_desc, float alpha, float beta)',
  dnnl_binary_desc_init:
    'int dnnl_binary_desc_init(void *binary_desc, int alg_kind, const void *src0_desc, const void *src1_desc, const void *dst_desc)',
  dnnl_resampling_forward_desc_init:
    'int dnnl_resampling_forward_desc_init(void *resampling_desc, int prop_kind, int alg_kind, const float *factors, const void *src_desc, const void *dst_desc)',
  dnnl_pooling_forward_desc_init:
    'int dnnl_pooling_forward_desc_init(void *pool_desc, int prop_kind, int alg_kind, const void *src_desc, const void *dst_desc, const int64_t *strides, const int64_t *kernel, const int64_t *padding_l, const int64_t *padding_r)',
  dnnl_reduction_desc_init:
    'int dnnl_reduction_desc_init(void *desc, int alg_kind, const void *src_desc, const void *dst_desc, float p, float eps)',
} as const;

type FunctionName = keyof typeof declarations;
// biome-ignore lint/suspicious/noExplicitAny: the C boundary.
type CFunctions = Record<FunctionName, (...args: any[]) => any>;

const handleTypes = [
  'dnnl_engine_t',
  'dnnl_stream_t',
  'dnnl_memory_t',
  'dnnl_primitive_t',
  'dnnl_primitive_desc_t',
  'dnnl_primitive_attr_t',
  'dnnl_post_ops_t',
];

const statusNames = [
  'success',
  'out of memory',
  'invalid arguments',
  'unimplemented',
  'iterator ends',
  'runtime error',
  'not required',
];

export interface Ffi {
  readonly c: CFunctions;
  /** Bytes of native memory, 64-byte aligned; see NativeMemory. */
  readonly allocate: (bytes: number) => NativeMemory;
  readonly setThreads: (threads: number) => void;
  readonly version: { readonly major: number; readonly minor: number; readonly patch: number };
}

/** Memory outside the JavaScript heap. Its owner frees it exactly once. */
export interface NativeMemory {
  readonly address: number;
  readonly bytes: number;
  /** A part of it, for JavaScript to read and write. (The whole may be larger than an ArrayBuffer can be.) */
  view(offset: number, bytes: number): Uint8Array;
  /** Zeroes all of it; this also touches every page. */
  clear(): void;
  free(): void;
}

export const status = { success: 0, unimplemented: 3 } as const;

/** The one place where a status becomes an error. */
export function check(code: number, call: string): void {
  if (code === status.success) return;
  throw environmentError(
    `oneDNN: ${call} failed: ${statusNames[code] ?? `status ${code}`}. Run 'hrpose doctor' to see what was found.`,
  );
}

const installHint = "Install it with 'apt-get install libdnnl2' (Debian) and run 'hrpose doctor'.";

function loadLibrary(): LibraryHandle {
  const failures: string[] = [];
  for (const name of ['libdnnl.so.2', 'libdnnl.2.dylib', 'dnnl.dll']) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw environmentError(`oneDNN: expected libdnnl.so.2 (oneDNN 2.x), found none. ${installHint}`, {
    cause: new Error(failures.join('\n')),
  });
}

function readVersion(library: LibraryHandle) {
  koffi.struct('dnnl_version_head_t', { major: 'int', minor: 'int', patch: 'int' });
  const version = library.func('const dnnl_version_head_t *dnnl_version()');
  return koffi.decode(version(), 'dnnl_version_head_t') as Ffi['version'];
}

const pageBytes = 2 << 20;
const adviseHugePages = 14;

function allocator() {
  const libc = koffi.load('libc.so.6');
  const alignedAlloc = libc.func('void *aligned_alloc(size_t alignment, size_t size)');
  const free = libc.func('void free(void *memory)');
  const memset = libc.func('void *memset(void *memory, int value, size_t size)');
  const madvise = libc.func('int madvise(void *memory, size_t length, int advice)');
  return (bytes: number): NativeMemory => {
    const size = Math.max(64, bytes);
    const large = size >= pageBytes;
    const alignment = large ? pageBytes : 64;
    const rounded = Math.ceil(size / alignment) * alignment;
    const pointer = alignedAlloc(alignment, rounded);
    if (pointer === null) {
      throw environmentError(
        `memory: could not get ${formatBytes(bytes)}. Use a smaller batch or input size.`,
      );
    }
    // Fresh 4 KiB pages are slow to come by; large ones are touched once and kept.
    if (large) madvise(pointer, rounded, adviseHugePages);
    let open = true;
    const address = Number(koffi.address(pointer));
    return {
      address,
      bytes: rounded,
      view: (offset, length) =>
        new Uint8Array(koffi.view((address + offset) as unknown as object, length)),
      clear: () => memset(pointer, 0, rounded),
      free() {
        if (!open) return;
        open = false;
        free(pointer);
      },
    };
  };
}

/**
 * Keeps libraries mapped until the process is gone. They are closed as it ends, while OpenMP's
 * threads still wait inside of them: without this, every other process would end in a crash.
 */
function pin(names: readonly string[]): void {
  if (process.platform !== 'linux') return;
  const nowAndForever = 0x1002; // RTLD_NOW | RTLD_NODELETE
  const dlopen = koffi.load('libc.so.6').func('void *dlopen(const char *file, int mode)');
  for (const name of names) dlopen(name, nowAndForever);
}

let loaded: Ffi | undefined;

/** Loads the library once a process; throws an environment error where it is not to be had. */
export function loadFfi(): Ffi {
  if (loaded) return loaded;
  const library = loadLibrary();
  for (const type of handleTypes) koffi.alias(type, 'uintptr_t');
  const c = Object.fromEntries(
    Object.entries(declarations).map(([name, declaration]) => [name, library.func(declaration)]),
  ) as unknown as CFunctions;
  const openMp = koffi.load('libgomp.so.1');
  pin(['libgomp.so.1', 'libdnnl.so.2']);
  const setThreads = openMp.func('void omp_set_num_threads(int threads)');
  c.dnnl_set_primitive_cache_capacity(4096);
  loaded = { c, allocate: allocator(), setThreads, version: readVersion(library) };
  return loaded;
}
