// Times the loader on pictures it makes itself: samples a second with worker threads, samples a second
// of one core, and where the time of a sample goes.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatBytes } from '../format.ts';
import { coco17 } from '../pose/skeletons.ts';
import { usualAugment } from './augment.ts';
import { madeUpPeople, writePictures } from './benchPictures.ts';
import type { CachePlace } from './cachePlaces.ts';
import { createLoader, type LoaderOptions } from './loader.ts';
import type { Size } from './record.ts';
import { epochOrder } from './sampler.ts';

export interface BenchLoaderOptions {
  /** Input of the network, px. */
  readonly size: Size;
  readonly workers: number;
  /** Samples to time; 512 unless told. */
  readonly samples?: number;
  /** Stop after this long, at the end of a batch; no limit unless told. */
  readonly seconds?: number;
  /** Different pictures on disk; 64 unless told. */
  readonly pictures?: number;
  readonly batchSize?: number;
  /** Keep decoded pictures and time an epoch that finds them. */
  readonly cache?: CachePlace | undefined;
  /** Print one JSON line instead of text. */
  readonly json?: boolean;
}

export interface LoaderBench {
  readonly size: Size;
  readonly workers: number;
  readonly samples: number;
  readonly cache: CachePlace | undefined;
  /** Bytes that are kept. */
  readonly cachedBytes: number;
  /** By the clock. */
  readonly samplesPerSecond: number;
  /** By the CPU time of the whole process. */
  readonly samplesPerCoreSecond: number;
  readonly pictureKilobytes: number;
  /** Time of a sample in the calling thread, ms. */
  readonly milliseconds: {
    readonly decode: number;
    readonly augment: number;
    readonly warp: number;
  };
}

const augment = usualAugment(coco17.upperBody);

/** Prints the result and returns it. */
export async function benchLoader(options: BenchLoaderOptions): Promise<LoaderBench> {
  const folder = await mkdtemp(join(tmpdir(), 'hrpose-bench-loader-'));
  try {
    const files = await writePictures(folder, options.pictures ?? 64, 1);
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    const pictureKilobytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length / 1000;
    const bench = { pictureKilobytes, ...(await measure(files, folder, options)) };
    console.log(options.json ? JSON.stringify(bench) : formatBench(bench));
    return bench;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(files: readonly string[], folder: string, options: BenchLoaderOptions) {
  const { size, workers, samples = 512, batchSize = 32, cache: place } = options;
  const records = madeUpPeople(files, samples, coco17.keypoints.length, 2);
  const common = { records, skeleton: coco17, inputSize: size, augment, udp: false, seed: 3 };
  const order = epochOrder(samples, { epoch: 0, shuffle: true, batchSize });
  const cache = place && { place, folder };
  const milliseconds = await timeParts({ ...common, cache }, order);
  const loader = createLoader({ ...common, workers, cache });
  try {
    // Some batches to start the threads and to compile the code, all of them to fill the cache.
    for await (const _ of loader.batches(cache ? order : order.slice(0, 1 + workers), 0));
    const pass = await timePass(loader.batches(order, 1), options.seconds);
    const { cachedBytes } = loader;
    return { size, workers, cache: place, cachedBytes, milliseconds, ...pass };
  } finally {
    await loader.close();
  }
}

async function timePass(batches: AsyncIterable<{ readonly size: number }>, seconds = Infinity) {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  let samples = 0;
  for await (const batch of batches) {
    samples += batch.size;
    if (performance.now() - start > seconds * 1000) break;
  }
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuStart);
  const samplesPerCoreSecond = samples / ((user + system) / 1e6);
  return { samples, samplesPerSecond: samples / elapsed, samplesPerCoreSecond };
}

/** The parts of a sample, in this thread, from at most 128 samples after as many to warm up. */
async function timeParts(common: Omit<LoaderOptions, 'workers'>, order: readonly Int32Array[]) {
  const times = { decode: 0, augment: 0, warp: 0 };
  const loader = createLoader({ ...common, workers: 0, times });
  const some = order.slice(0, Math.max(1, Math.floor(128 / order[0].length)));
  for await (const _ of loader.batches(some, 0));
  Object.assign(times, { decode: 0, augment: 0, warp: 0 });
  const { samples } = await timePass(loader.batches(some, 1));
  await loader.close();
  const { decode, augment: draw, warp } = times;
  return { decode: decode / samples, augment: draw / samples, warp: warp / samples };
}

function formatBench(bench: LoaderBench): string {
  const { decode, augment: draw, warp } = bench.milliseconds;
  return [
    `loader ${bench.size.width}x${bench.size.height}, ${bench.workers} workers, ${bench.samples} samples ` +
      `of 640x480 JPEGs of ${bench.pictureKilobytes.toFixed(0)} kB`,
    `  ${bench.samplesPerSecond.toFixed(1)} samples/s, ${bench.samplesPerCoreSecond.toFixed(1)} samples/s a core`,
    ...(bench.cache ? [`  ${formatBytes(bench.cachedBytes)} kept (${bench.cache})`] : []),
    `  ms a sample: decode ${decode.toFixed(2)}, augment ${draw.toFixed(2)}, warp ${warp.toFixed(2)}`,
  ].join('\n');
}
