// Weight files on disk, in any format: read in one piece, so that tensors are views of it, and
// replaced in one step when written.
import { inputError, usageError } from '../errors.ts';
import type { Tensor } from '../formats/tensor.ts';
import {
  type BesideTensors,
  formatByName,
  layoutWeights,
  parseWeights,
  type WeightFile,
  type WrittenFormat,
} from '../formats/weights.ts';
import { readWhole, replaceFile, type WrittenFile } from './durable.ts';
import { dataPadding, maxFileBytes } from './tensorFile.ts';

export interface ReadWeightFile extends WeightFile {
  /** Size of the file. */
  readonly bytes: number;
}

/** inputError where the file cannot be read, is damaged or holds anything but weights. */
export function readWeightFile(path: string): ReadWeightFile {
  let size = 0;
  const bytes = readWhole(path, maxFileBytes, (start, fileBytes) => {
    size = fileBytes;
    return safetensorsPadding(start, fileBytes);
  });
  return { ...parseWeights(bytes, path), bytes: size };
}

/** None where it is no safetensors file: other formats align their own. */
function safetensorsPadding(start: Uint8Array, fileBytes: number): number {
  try {
    return dataPadding(start, fileBytes, inputError);
  } catch {
    return 0;
  }
}

/** Writes tensors under a temporary name and renames it. The format is that of the name unless given. */
export function writeWeightFile(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  format: WrittenFormat | undefined = formatByName(path),
  beside?: BesideTensors,
): WrittenFile {
  if (format === undefined)
    throw usageError(`${path}: expected a name ending in .safetensors, .pth or .pdparams.`);
  return replaceFile(path, layoutWeights(tensors, format, beside));
}
