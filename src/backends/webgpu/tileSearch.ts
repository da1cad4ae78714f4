// Which tile a convolution gets: the fastest that was measured on this adapter, or the best guess. How
// measurements outlive a process is nodeTiles.ts' business.
import { halfToNumber } from '../../formats/tensor.ts';
import type { Command } from './bind.ts';
import { type ConvDims, type ConvKind, flopsOf } from './conv/dims.ts';
import { convTiles, type Tile, tileProblem } from './conv/tile.ts';
import { bytesOf, type ConvArray, convTrial, type Trial } from './conv/trial.ts';
import { bufferUsage, type Gpu, mapModeRead } from './device.ts';
import type { Storage } from './halves.ts';
import type { ChooseTile } from './lower.ts';
import { profileCommands } from './profile.ts';

export interface TileTime {
  readonly tile: Tile;
  /** The fastest of a few runs: what disturbs a run only makes it slower. */
  readonly milliseconds: number;
}

/** What was measured on one adapter, by tileKey. */
export type TileTimes = Readonly<Record<string, TileTime>>;

/** Everything that decides the time of a convolution, as text: 'forward 4×96×72×32→32 3×3 s1 p1', with ' f16' on halves. */
export const tileKey = (kind: ConvKind, d: ConvDims, activations: Storage = 'f32'): string =>
  `${kind} ${d.n}×${d.h}×${d.w}×${d.cin}→${d.cout} ${d.kh}×${d.kw} s${d.stride} p${d.padding}${
    activations === 'f16' ? ' f16' : ''
  }`;

/**
 * Takes the measured best, unless it cannot be used on such a device; else the best guess. On halves what was
 * measured on floats comes in between: arithmetic is the same.
 */
export const tileChooser =
  (measured: TileTimes): ChooseTile =>
  (kind, dims, features, activations) => {
    const keys = [tileKey(kind, dims, activations), tileKey(kind, dims)];
    const known = keys.filter((key) => Object.hasOwn(measured, key)).map((key) => measured[key]!);
    const usable = known.find(({ tile }) => tileProblem(tile, features) === undefined);
    return usable?.tile ?? convTiles(kind, dims, features)[0]!;
  };

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
/** Largest difference of results over the largest magnitude: sums of float32 in another order, or the next half. */
const tolerances = { f32: 1e-4, f16: 2 ** -10 };

/** Times every tile for one convolution on random numbers. Nothing else may use the device meanwhile. */
export async function searchTile(
  gpu: Gpu,
  kind: ConvKind,
  d: ConvDims,
  activations: Storage = 'f32',
): Promise<TileSearch> {
  const tiles = convTiles(kind, d, gpu.features);
  const trials = tiles.map((tile) => convTrial(kind, d, tile, gpu.features, activations));
  const arrays = makeArrays(gpu, d, trials, activations);
  const written = kind === 'gradWeight' ? 'f32' : activations;
  const times: TileTime[] = [];
  const wrong: Tile[] = [];
  let expected: Float32Array | undefined;
  let best = Number.POSITIVE_INFINITY;
  try {
    for (const [i, tile] of tiles.entries()) {
      const trial = trials[i]!;
      const commands = await commandsOf(gpu, trial, arrays);
      const first = await timeOf(gpu, commands, 1);
      const result = await readBack(gpu, arrays.get(trial.result)!, written);
      expected ??= result;
      if (differs(result, expected, tolerances[written])) {
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
  activations: Storage,
): ReadonlyMap<ConvArray, GPUBuffer> {
  const scratch = Math.max(...trials.map(({ scratchFloats }) => scratchFloats));
  const names = new Set(trials.flatMap(({ calls }) => calls.flatMap(({ arrays }) => arrays)));
  const { storage, copySource, copyDestination } = bufferUsage;
  const buffers = new Map<ConvArray, GPUBuffer>();
  try {
    for (const name of names) {
      const bytes = name === 'scratch' ? scratch * 4 : bytesOf(d, name, activations);
      const usage = storage | copySource | copyDestination;
      const buffer = gpu.createBuffer(`search ${name}`, bytes, usage);
      buffers.set(name, buffer);
      if (name === 'w') fill(gpu, buffer, patterns.f32);
      if (name === 'x' || name === 'dy') fill(gpu, buffer, patterns[activations]);
    }
    return buffers;
  } catch (error) {
    for (const buffer of buffers.values()) gpu.free(buffer);
    throw error;
  }
}

/** Numbers from -1 to 1, the same ones again and again: zeros would be quicker than life. */
const patterns = {
  f32: Float32Array.from({ length: 2 ** 16 }, () => 2 * Math.random() - 1),
  f16: Uint16Array.from({ length: 2 ** 17 }, randomHalf),
};

/** Its bits: either sign, 2^-7 to 1. */
function randomHalf(): number {
  const [least, one] = [0x2000, 0x3c00];
  const sign = Math.random() < 0.5 ? 0x8000 : 0;
  return sign + least + Math.floor(Math.random() * (one - least));
}

function fill(
  { device }: Gpu,
  buffer: GPUBuffer,
  { buffer: pattern }: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
): void {
  for (let offset = 0; offset < buffer.size; offset += pattern.byteLength) {
    const bytes = Math.min(pattern.byteLength, buffer.size - offset);
    device.queue.writeBuffer(buffer, offset, pattern, 0, bytes);
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

async function readBack(gpu: Gpu, source: GPUBuffer, written: Storage): Promise<Float32Array> {
  const { mapRead, copyDestination } = bufferUsage;
  const staging = gpu.createBuffer('search, read', source.size, mapRead | copyDestination);
  try {
    const encoder = gpu.device.createCommandEncoder({ label: 'search' });
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.whileAlive(staging.mapAsync(mapModeRead));
    const memory = staging.getMappedRange().slice(0);
    if (written === 'f32') return new Float32Array(memory);
    return Float32Array.from(new Uint16Array(memory), halfToNumber);
  } finally {
    gpu.free(staging);
  }
}

function differs(result: Float32Array, expected: Float32Array, tolerance: number): boolean {
  const magnitude = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return !result.every((value, i) => Math.abs(value - expected[i]!) <= tolerance * magnitude);
}
