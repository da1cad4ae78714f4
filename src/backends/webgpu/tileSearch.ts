// Which tile a convolution gets: the fastest that was measured on this adapter, or the best guess. How
// measurements outlive a process is nodeTiles.ts' business.
import type { Command } from './bind.ts';
import { type ConvDims, type ConvKind, flopsOf } from './conv/dims.ts';
import { convTiles, type Tile, tileProblem } from './conv/tile.ts';
import { type ConvArray, convTrial, floatsOf, type Trial } from './conv/trial.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import type { GpuFeatures } from './kernel.ts';
import { profileCommands } from './profile.ts';

export interface TileTime {
  readonly tile: Tile;
  /** The fastest of a few runs: what disturbs a run only makes it slower. */
  readonly milliseconds: number;
}

/** What was measured on one adapter, by tileKey. */
export type TileTimes = Readonly<Record<string, TileTime>>;

/** Everything that decides the time of a convolution, as text: 'forward 4×96×72×32→32 3×3 s1 p1'. */
export const tileKey = (kind: ConvKind, d: ConvDims): string =>
  `${kind} ${d.n}×${d.h}×${d.w}×${d.cin}→${d.cout} ${d.kh}×${d.kw} s${d.stride} p${d.padding}`;

/** The measured best, unless it cannot be used on such a device; else the best guess. */
export function chooseTile(
  kind: ConvKind,
  dims: ConvDims,
  features: GpuFeatures,
  measured: TileTimes = {},
): Tile {
  const key = tileKey(kind, dims);
  const known = Object.hasOwn(measured, key) ? measured[key]!.tile : undefined;
  if (known && tileProblem(known, features) === undefined) return known;
  return convTiles(kind, dims, features)[0]!;
}

export interface TileSearch {
  /** Fastest first. */
  readonly times: readonly TileTime[];
  /** The one that would be taken without measuring. */
  readonly guess: TileTime;
  /** Tiles whose result is not that of the guess: a driver's fault. */
  readonly wrong: readonly Tile[];
}

/** Runs of a tile that is not yet out of the race. */
const runs = 5;
/** A tile this much slower at its first run than the best so far is not run again. */
const hopeless = 2;
/** Largest difference of results over the largest magnitude: sums of float32 in another order. */
const tolerance = 1e-4;

/** Times every tile for one convolution on random numbers. Nothing else may use the device meanwhile. */
export async function searchTile(gpu: Gpu, kind: ConvKind, d: ConvDims): Promise<TileSearch> {
  const tiles = convTiles(kind, d, gpu.features);
  const trials = tiles.map((tile) => convTrial(kind, d, tile, gpu.features));
  const arrays = makeArrays(gpu, d, trials);
  const times: TileTime[] = [];
  const wrong: Tile[] = [];
  let expected: Float32Array | undefined;
  let best = Number.POSITIVE_INFINITY;
  try {
    for (const [i, tile] of tiles.entries()) {
      const trial = trials[i]!;
      const commands = await commandsOf(gpu, trial, arrays);
      const first = await timeOf(gpu, commands, 1);
      const result = await readBack(gpu, arrays.get(trial.result)!);
      expected ??= result;
      if (differs(result, expected)) {
        wrong.push(tile);
        continue;
      }
      const again = i === 0 || first < best * hopeless;
      const milliseconds = again ? await timeOf(gpu, commands, runs) : first;
      best = Math.min(best, milliseconds);
      times.push({ tile, milliseconds });
    }
  } finally {
    for (const buffer of arrays.values()) gpu.free(buffer);
  }
  const guess = times[0]!;
  return { times: [...times].sort((a, b) => a.milliseconds - b.milliseconds), guess, wrong };
}

/** GFLOP/s of a convolution that takes so long. */
export const rateOf = (d: ConvDims, milliseconds: number): number =>
  flopsOf(d) / milliseconds / 1e6;

function makeArrays(
  gpu: Gpu,
  d: ConvDims,
  trials: readonly Trial[],
): ReadonlyMap<ConvArray, GPUBuffer> {
  const scratch = Math.max(...trials.map(({ scratchFloats }) => scratchFloats));
  const names = new Set(trials.flatMap(({ calls }) => calls.flatMap(({ arrays }) => arrays)));
  const { storage, copySource, copyDestination } = bufferUsage;
  const buffers = new Map<ConvArray, GPUBuffer>();
  try {
    for (const name of names) {
      const floats = name === 'scratch' ? scratch : floatsOf(d, name);
      const usage = storage | copySource | copyDestination;
      const buffer = gpu.createBuffer(`search ${name}`, floats * 4, usage);
      buffers.set(name, buffer);
      if (name === 'x' || name === 'w' || name === 'dy') fill(gpu, buffer);
    }
    return buffers;
  } catch (error) {
    for (const buffer of buffers.values()) gpu.free(buffer);
    throw error;
  }
}

/** Numbers from -1 to 1, the same ones again and again: zeros would be quicker than life. */
const pattern = Float32Array.from({ length: 2 ** 16 }, () => 2 * Math.random() - 1);

function fill({ device }: Gpu, buffer: GPUBuffer): void {
  for (let offset = 0; offset < buffer.size; offset += pattern.byteLength) {
    const bytes = Math.min(pattern.byteLength, buffer.size - offset);
    device.queue.writeBuffer(buffer, offset, pattern, 0, bytes / 4);
  }
}

async function commandsOf(
  gpu: Gpu,
  { calls }: Trial,
  buffers: ReadonlyMap<ConvArray, GPUBuffer>,
): Promise<Command[]> {
  const pipelines = await Promise.all(calls.map(({ shader }) => gpu.pipeline(shader)));
  const { value, done } = gpu.checked('bind groups of a search', () =>
    calls.map(({ shader, arrays }, i): Command => {
      const { pipeline, layout } = pipelines[i]!;
      const entries = arrays.map((name, binding) => ({
        binding,
        resource: { buffer: buffers.get(name)! },
      }));
      const bindGroup = gpu.device.createBindGroup({ label: shader.label, layout, entries });
      const dispatch = { shader, tensors: [], flops: 0, bytes: 0, op: 'search', node: '' };
      return { dispatch, pipeline, bindGroup };
    }),
  );
  await done;
  return value;
}

/** Milliseconds of all commands together, the fastest of some runs. */
async function timeOf(gpu: Gpu, commands: readonly Command[], count: number): Promise<number> {
  const repeated = Array.from({ length: count }, () => commands).flat();
  const milliseconds = await profileCommands(gpu, repeated);
  const sums = Array.from({ length: count }, (_, run) =>
    commands.reduce((sum, _, i) => sum + milliseconds[run * commands.length + i]!, 0),
  );
  return Math.min(...sums);
}

async function readBack(gpu: Gpu, source: GPUBuffer): Promise<Float32Array> {
  const { mapRead, copyDestination } = bufferUsage;
  const staging = gpu.createBuffer('search, read', source.size, mapRead | copyDestination);
  try {
    const encoder = gpu.device.createCommandEncoder({ label: 'search' });
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.whileAlive(staging.mapAsync(mapModeRead));
    return new Float32Array(staging.getMappedRange().slice(0));
  } finally {
    gpu.free(staging);
  }
}

function differs(result: Float32Array, expected: Float32Array): boolean {
  const magnitude = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return !result.every((value, i) => Math.abs(value - expected[i]!) <= tolerance * magnitude);
}
