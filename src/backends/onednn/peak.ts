// How fast this CPU multiplies at best: one big matrix product in a given element type, by the same
// library. What convolutions reach is compared with this.
import { availableParallelism } from 'node:os';
import { arg, createDnnl } from './dnnl2.ts';
import { loadFfi } from './ffi.ts';
import { encodeArgs } from './states.ts';

export type ProductType = 'fp32' | 'bf16' | 'int8';

const types = {
  fp32: ['float32', 'float32', 'float32'],
  bf16: ['bfloat16', 'bfloat16', 'bfloat16'],
  int8: ['uint8', 'int8', 'uint8'],
} as const;

const side = 1024;
const runs = 12;

/**
 * GFLOP/s (for int8 10⁹ operations a second) of [4096, 1024] × [1024, 1024], the fastest of a few runs: a
 * 1×1 convolution over 64×64 places is that product.
 */
export function measurePeak(type: ProductType, threads = availableParallelism()): number {
  const ffi = loadFfi();
  ffi.setThreads(threads);
  const dnnl = createDnnl(ffi);
  const [tx, tw, ty] = types[type];
  const activation = (t: typeof tx | typeof ty) => dnnl.desc(t, [1, side, 64, 64], 'nhwc');
  const shape = {
    x: activation(tx),
    w: dnnl.desc(tw, [side, side, 1, 1], 'any'),
    y: activation(ty),
    stride: 1,
    padding: 0,
    algorithm: 'direct',
  } as const;
  const pd = dnnl.convForward(shape, false)!;
  const descs = [
    [arg.src, shape.x],
    [arg.weights, pd.desc('weights')],
    [arg.dst, shape.y],
    [arg.scratchpad, pd.desc('scratchpad')],
  ] as const;
  const blocks = descs.map(([, desc]) => ffi.allocate(dnnl.bytes(desc)));
  for (const block of blocks) block.clear();
  const memories = descs.map(
    ([index, desc], i) => [index, dnnl.memory(desc, blocks[i]!.address)] as const,
  );
  const args = encodeArgs(ffi, memories);
  const primitive = dnnl.primitive(pd);
  try {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      dnnl.run(primitive, memories.length, args.address);
      best = Math.min(best, performance.now() - start);
    }
    return (2 * side * side * 64 * 64) / best / 1e6;
  } finally {
    dnnl.destroyPrimitive(primitive);
    for (const [, memory] of memories) dnnl.destroyMemory(memory);
    for (const block of [...blocks, args]) block.free();
    pd.destroy();
    dnnl.close();
  }
}
