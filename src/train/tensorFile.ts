// safetensors files on disk: read in one piece, so that tensors are views of it, and replaced in one
// step when written.
import { inputError } from '../errors.ts';
import {
  headerLength,
  layoutSafetensors,
  parseSafetensors,
  type SafetensorsFile,
} from '../formats/safetensors.ts';
import { readWhole, replaceFile, type WrittenFile } from './durable.ts';

/** A parameter, running statistic or moment: `data` has as many elements as `shape` says. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Largest file read, in bytes; the moments of HRNet-W64 would have 1 GB. */
export const maxFileBytes = 4 * 2 ** 30;

/** Bytes before a safetensors file that put its data section at a multiple of 8, whatever its header length. */
export function dataPadding(...file: Parameters<typeof headerLength>): number {
  return (8 - (headerLength(...file) % 8)) % 8;
}

/** A file's bytes with its data section at a multiple of 8 in memory. */
export function readTensorBytes(path: string): Uint8Array {
  return readWhole(path, maxFileBytes, (start, fileBytes) =>
    dataPadding(start, fileBytes, (problem) =>
      inputError(`${path}: ${problem}. The file is damaged or no safetensors file; fetch it anew.`),
    ),
  );
}

/** Tensors and metadata of a safetensors file. */
export const readTensorFile = (path: string): SafetensorsFile =>
  parseSafetensors(readTensorBytes(path), path);

/** The bytes of a file that holds these tensors, in pieces. */
export const layoutState = (
  tensors: ReadonlyMap<string, StateTensor>,
  metadata?: ReadonlyMap<string, string>,
) =>
  layoutSafetensors(
    Array.from(tensors, ([name, tensor]) => [name, { ...tensor, dtype: 'F32' }] as const),
    metadata,
  );

/** The same of weights for use. `format: pt` tells loaders that names and layouts are PyTorch's. */
export const layoutModel = (
  tensors: ReadonlyMap<string, StateTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
) => layoutState(tensors, new Map([['format', 'pt'], ...metadata]));

/**
 * Writes weights for use (`model_final.safetensors`, `best_model.safetensors`), in one step: a file
 * of that name stays whole until the new one is.
 */
export const writeModelFile = (
  path: string,
  tensors: ReadonlyMap<string, StateTensor>,
  metadata?: ReadonlyMap<string, string>,
): WrittenFile => replaceFile(path, layoutModel(tensors, metadata).chunks);
