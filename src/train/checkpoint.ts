// Checkpoints: a folder `checkpoints/step-N/` in the run folder, with model.safetensors (parameters
// and running statistics under official names, with what they are for), optimizer.safetensors (moments) and meta.json
// (counters, settings, size and SHA-256 of both files and of itself).
//
// A folder gets its name only when it is complete and on the disk, and loses it before it is taken
// apart, so that a kill at any moment leaves whole checkpoints and perhaps a `.tmp-` or `.old-`
// folder, which the next save removes. The best one is marked in its own meta.json: a pointer or a
// copy beside it could disagree with it after a kill. Finished folders are never overwritten; a
// second save of the same step is `step-N.2`, and `generation` tells which was saved last.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { HrposeError, inputError, usageError } from '../errors.ts';
import { parseSafetensors, type SafetensorsImage } from '../formats/safetensors.ts';
import { toFloat32 } from '../formats/tensor.ts';
import { packageVersion } from '../packageRoot.ts';
import {
  type CheckpointMeta,
  encodeMeta,
  metaFile,
  modelFile,
  optimizerFile,
  readMeta,
  readMetaIfIntact,
  type StoredMeta,
  sha256,
} from './checkpointMeta.ts';
import {
  flushFolder,
  makeFolder,
  orExplain,
  replaceFile,
  type WrittenFile,
  writeFlushed,
} from './durable.ts';
import {
  layoutModel,
  layoutState,
  readTensorBytes,
  readTensorFile,
  type StateTensor,
} from './tensorFile.ts';

export type { CheckpointMeta } from './checkpointMeta.ts';

export interface CheckpointState {
  /** Official name → parameter or running statistic. */
  readonly tensors: Map<string, StateTensor>;
  /** `<name>.moment1`, `<name>.moment2`, and whatever else the optimizer carries on. */
  readonly moments: Map<string, StateTensor>;
  readonly meta: CheckpointMeta;
}

/** A checkpoint, or weights alone, which have neither moments nor counters. */
export type LoadedState = Omit<CheckpointState, 'meta'> & { readonly meta?: CheckpointMeta };

export interface SaveOptions {
  /** How many of the newest checkpoints stay, this one included. */
  readonly keep?: number;
  /** Whether this is the best of the run, which stays until there is a better one. */
  readonly best?: boolean;
  /** What the weights are for, which goes into their file. */
  readonly metadata?: ReadonlyMap<string, string>;
}

const folderName = /^step-(\d{8,15})(?:\.(\d{1,6}))?$/;
const leftover = /^\.(tmp|old)-/;

/** Saves a checkpoint in `runDir`, removes those no longer kept, returns the new one's folder. */
export function saveCheckpoint(
  runDir: string,
  state: CheckpointState,
  { keep = 2, best = false, metadata }: SaveOptions = {},
): string {
  if (!Number.isInteger(keep) || keep < 1) {
    throw usageError(`checkpoint: expected keep to be a whole number from 1, got ${keep}.`);
  }
  const folder = join(runDir, 'checkpoints');
  const model = layoutModel(state.tensors, metadata);
  const optimizer = layoutState(state.moments);
  const needed = model.byteLength + optimizer.byteLength;
  const cleanUp = () => removeLeftovers(folder);
  return orExplain({ path: folder, needed, cleanUp }, () => {
    cleanUp();
    const generation = 1 + Math.max(0, ...listCheckpoints(runDir).map((c) => generationOf(c)));
    const path = freeName(folder, state.meta.step);
    writeFolder(path, model, optimizer, { ...state.meta, generation, best });
    prune(runDir, path, keep);
    return path;
  });
}

const generationOf = ({ meta }: ListedCheckpoint) => meta?.generation ?? 0;

function freeName(folder: string, step: number): string {
  const name = join(folder, `step-${String(step).padStart(8, '0')}`);
  for (let revision = 1; ; revision++) {
    const candidate = revision === 1 ? name : `${name}.${revision}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function writeFolder(
  path: string,
  model: SafetensorsImage,
  optimizer: SafetensorsImage,
  meta: CheckpointMeta & Pick<StoredMeta, 'generation' | 'best'>,
): void {
  const temporary = join(dirname(path), `.tmp-${basename(path)}-${process.pid}`);
  makeFolder(dirname(path));
  mkdirSync(temporary);
  const files = {
    [modelFile]: writeFlushed(join(temporary, modelFile), model.chunks),
    [optimizerFile]: writeFlushed(join(temporary, optimizerFile), optimizer.chunks),
  };
  const encoded = encodeMeta({ ...meta, format: 1, version: packageVersion(), files });
  writeFlushed(join(temporary, metaFile), [encoded]);
  flushFolder(temporary);
  renameSync(temporary, path);
  flushFolder(dirname(path));
}

function removeLeftovers(folder: string): void {
  for (const name of namesIn(folder)) {
    if (leftover.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Removes all but the newest, the best, and those that cannot be read and may be wanted back. */
function prune(runDir: string, newest: string, keep: number): void {
  const intact = listCheckpoints(runDir).filter((c) => c.meta !== undefined);
  const kept = new Set([newest, ...intact.slice(0, keep).map((c) => c.path)]);
  const best = intact.find((c) => c.meta?.best);
  if (best) kept.add(best.path);
  for (const { path } of intact) {
    if (kept.has(path)) continue;
    const doomed = join(dirname(path), `.old-${basename(path)}-${process.pid}`);
    renameSync(path, doomed);
    rmSync(doomed, { recursive: true, force: true });
  }
}

export interface ListedCheckpoint {
  readonly path: string;
  readonly step: number;
  /** Undefined where meta.json is missing or damaged. */
  readonly meta: StoredMeta | undefined;
}

/**
 * The checkpoints of a run, last saved first. One whose meta.json cannot be read comes first if its
 * step is not before that of the newest good one: it must not be passed over in silence.
 */
export function listCheckpoints(runDir: string): ListedCheckpoint[] {
  const folder = join(runDir, 'checkpoints');
  const all = namesIn(folder).flatMap((name) => {
    const step = folderName.exec(name)?.[1];
    if (step === undefined) return [];
    const path = join(folder, name);
    return [{ path, step: Number(step), meta: readMetaIfIntact(path) }];
  });
  const good = all.filter((c) => c.meta !== undefined);
  good.sort((a, b) => b.meta!.generation - a.meta!.generation);
  const damaged = all.filter((c) => c.meta === undefined).sort((a, b) => b.step - a.step);
  const since = good[0]?.step ?? 0;
  return [
    ...damaged.filter((c) => c.step >= since),
    ...good,
    ...damaged.filter((c) => c.step < since),
  ];
}

/** Folder of the last saved checkpoint of a run; undefined if there is none. */
export const latestCheckpoint = (runDir: string): string | undefined =>
  listCheckpoints(runDir)[0]?.path;

/** Folder of the best checkpoint of a run; undefined if none was marked. */
export const bestCheckpoint = (runDir: string): string | undefined =>
  listCheckpoints(runDir).find((c) => c.meta?.best)?.path;

/** Marks a saved checkpoint as the best of its run, when that turns out only after the save. */
export function markBest(path: string, bestAp: number): void {
  const { sha256: _, ...meta } = readMeta(path);
  replaceFile(join(path, metaFile), [encodeMeta({ ...meta, best: true, bestAp })]);
}

/**
 * Loads and verifies a checkpoint. `path` is its folder, a run folder (its newest checkpoint), or a
 * .safetensors file for weights alone. Tensors are views of the files' bytes. A damaged checkpoint
 * is an error that names an intact one to resume from, never replaced by it.
 */
export function loadCheckpoint(path: string): LoadedState {
  if (path.endsWith('.safetensors')) return { tensors: readWeights(path), moments: new Map() };
  const folder = checkpointFolder(path);
  try {
    return readFolder(folder);
  } catch (error) {
    if (!(error instanceof HrposeError)) throw error;
    throw inputError(`${error.message}${offerOther(folder)}`, { cause: error });
  }
}

/** Weights from a file, verified if it is part of a checkpoint. */
function readWeights(path: string): Map<string, StateTensor> {
  const folder = dirname(path);
  const ofCheckpoint = basename(path) === modelFile && existsSync(join(folder, metaFile));
  return ofCheckpoint ? readPart(folder, modelFile) : asState(readTensorFile(path).tensors);
}

function checkpointFolder(path: string): string {
  if (folderName.test(basename(path)) || existsSync(join(path, metaFile))) return path;
  const found = latestCheckpoint(basename(path) === 'checkpoints' ? dirname(path) : path);
  if (found !== undefined) return found;
  throw inputError(
    `${path}: expected a run folder with checkpoints/step-N or one of those folders. Check the path. ` +
      `Weights alone are for -o pretrain_weights=${path}.`,
  );
}

function offerOther(damaged: string): string {
  const others = listCheckpoints(dirname(dirname(damaged))).filter((c) => c.path !== damaged);
  const intact = others.find(({ path }) => {
    try {
      readFolder(path);
      return true;
    } catch {
      return false;
    }
  });
  return intact === undefined
    ? ' There is no other checkpoint to resume from.'
    : ` The checkpoint of step ${intact.step} is intact; to go on from it: -r ${intact.path}`;
}

/** Reads every file of a checkpoint; throws an inputError that names the first one that changed. */
export function verifyCheckpoint(path: string): void {
  readFolder(path);
}

function readFolder(path: string): CheckpointState {
  const stored = readMeta(path);
  const {
    step,
    epoch,
    stepInEpoch,
    seed,
    gradientScale,
    bestAp,
    microBatch,
    recentLosses,
    config,
  } = stored;
  return {
    tensors: readPart(path, modelFile, stored),
    moments: readPart(path, optimizerFile, stored),
    meta: {
      step,
      epoch,
      stepInEpoch,
      seed,
      ...(gradientScale && { gradientScale }),
      ...(bestAp !== undefined && { bestAp }),
      ...(microBatch !== undefined && { microBatch }),
      ...(recentLosses && { recentLosses }),
      config,
    },
  };
}

function readPart(folder: string, name: keyof StoredMeta['files'], { files } = readMeta(folder)) {
  const file = join(folder, name);
  return asState(parseSafetensors(readExactly(file, files[name]), file).tensors);
}

function readExactly(file: string, expected: WrittenFile): Uint8Array {
  const bytes = readTensorBytes(file);
  if (bytes.byteLength !== expected.bytes) {
    throw inputError(`${file}: expected ${expected.bytes} bytes, got ${bytes.byteLength}.`);
  }
  const found = sha256(bytes);
  if (found === expected.sha256) return bytes;
  throw inputError(
    `${file}: damaged, expected SHA-256 ${expected.sha256} as in meta.json, got ${found}.`,
  );
}

const asState = (tensors: ReturnType<typeof parseSafetensors>['tensors']) =>
  new Map(
    Array.from(tensors, ([name, t]) => [name, { shape: t.shape, data: toFloat32(t) }] as const),
  );
