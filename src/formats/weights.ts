// Weights in any of the formats that HRNets come in, told apart by their first bytes, not by name.
import { inputError } from '../errors.ts';
import { layoutPaddle, parsePaddle } from './paddleFile.ts';
import { quote } from './pickle/values.ts';
import { layoutSafetensors, parseSafetensors } from './safetensors.ts';
import type { Tensor } from './tensor.ts';
import { isLegacyTorch, parseTorch, torchTensors } from './torchFile.ts';
import { layoutTorch } from './torchWrite.ts';
import { isZip } from './zipStored.ts';

export type WeightFormat = 'safetensors' | 'torch-zip' | 'torch-legacy' | 'paddle';

export interface WeightFile {
  readonly format: WeightFormat;
  /** Names as they stand in the file. */
  readonly tensors: Map<string, Tensor>;
  /** Of a safetensors file; empty in others. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What else the file held, for a person. */
  readonly notes: readonly string[];
}

/** Reads a whole file; tensors are views of `bytes` where they can be. `where` names it in errors. */
export function parseWeights(bytes: Uint8Array, where: string): WeightFile {
  if (isZip(bytes) || isLegacyTorch(bytes)) return readTorch(bytes, where);
  if (looksLikeSafetensors(bytes))
    return { format: 'safetensors', ...parseSafetensors(bytes, where), notes: [] };
  if (isPickle(bytes)) return readPaddle(bytes, where);
  const start = Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join(' ');
  throw inputError(
    `${where}: expected weights as safetensors, a .pth of PyTorch or a .pdparams of Paddle, got ${bytes.length} bytes that begin with ${start || 'nothing'} at byte 0. Is it the file that was meant?`,
  );
}

function readTorch(bytes: Uint8Array, where: string): WeightFile {
  const file = parseTorch(bytes, where);
  const { tensors, path, others } = torchTensors(file, where);
  const notes = path.length > 0 ? [`tensors of ${quote(path.join('.'))}`] : [];
  if (others.length > 0) notes.push(`not read: tensors of ${someOf(others)}`);
  return { format: file.format, tensors, metadata: new Map(), notes };
}

function readPaddle(bytes: Uint8Array, where: string): WeightFile {
  const { tensors, others } = parsePaddle(bytes, where);
  if (tensors.size === 0) throw inputError(`${where}: expected arrays in this pickle, found none.`);
  const notes = others.length > 0 ? [`besides: ${someOf(others.map(quote))}`] : [];
  return { format: 'paddle', tensors, metadata: new Map(), notes };
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** PROTO and a version that exists. */
const isPickle = (bytes: Uint8Array) => bytes[0] === 0x80 && bytes.length > 1 && bytes[1]! <= 5;

/** The JSON header begins after its length, whose first two bytes can look like a pickle's. */
const looksLikeSafetensors = (bytes: Uint8Array) =>
  bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);

export type WrittenFormat = 'safetensors' | 'torch-zip' | 'paddle';

/** The format that a file's name asks for; undefined for an ending that stands for none. */
export function formatByName(path: string): WrittenFormat | undefined {
  if (path.endsWith('.safetensors')) return 'safetensors';
  if (/\.(pth|pt)$/.test(path)) return 'torch-zip';
  return path.endsWith('.pdparams') ? 'paddle' : undefined;
}

export interface BesideTensors {
  /** Structured to unique names of a .pdparams. */
  readonly nameTable?: ReadonlyMap<string, string>;
  /** Of a safetensors file; other formats have no place for it. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** A file of these tensors in pieces. */
export function layoutWeights(
  tensors: ReadonlyMap<string, Tensor>,
  format: WrittenFormat,
  { nameTable = new Map(), metadata }: BesideTensors = {},
): readonly Uint8Array[] {
  switch (format) {
    case 'safetensors':
      return layoutSafetensors(tensors, metadata).chunks;
    case 'torch-zip':
      return layoutTorch(tensors);
    case 'paddle':
      return layoutPaddle(tensors, nameTable);
    default:
      return format satisfies never;
  }
}
