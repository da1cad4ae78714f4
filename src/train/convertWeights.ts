// Weights of one kind written as another: names translated, values untouched.
import { usageError } from '../errors.ts';
import { formatByName, type WeightFile, type WrittenFormat } from '../formats/weights.ts';
import { identifyWeights } from '../models/identifyWeights.ts';
import { paddleParameterNames } from '../models/paddleParameterNames.ts';
import { type Renamed, renameWeights, type TargetNames } from '../models/renameWeights.ts';
import type { WrittenFile } from './durable.ts';
import { writeWeightFile } from './weightFile.ts';

/** What a file of this name is written as. */
export function formatToWrite(file: string): WrittenFormat {
  const format = formatByName(file);
  if (format !== undefined) return format;
  throw usageError(
    `weights convert: cannot tell from the name '${file}' what to write. Let it end in .safetensors, .pth, .pt or .pdparams.`,
  );
}

export interface Conversion extends WrittenFile {
  readonly names: TargetNames;
  readonly renamed: Renamed<unknown>;
}

export interface ConversionOptions {
  /** The file that the weights were read from, for errors. */
  readonly from: string;
  /** The file to write; its ending says in which format. */
  readonly to: string;
  /** Paddle's by default in a .pdparams, else the official ones. */
  readonly names?: TargetNames | undefined;
}

export function convertWeights(
  { tensors, metadata: read }: WeightFile,
  { from, to, names }: ConversionOptions,
): Conversion {
  const format = formatToWrite(to);
  const scheme = names ?? (format === 'paddle' ? 'paddle' : 'official');
  const config = identifyWeights(tensors, from)?.config;
  const renamed = renameWeights(tensors, scheme, config, from);
  const inside = config && format === 'paddle' ? paddleParameterNames(config) : new Map();
  const nameTable = new Map([...inside].filter(([name]) => renamed.tensors.has(name)));
  const metadata = new Map(read);
  // Tells loaders whose names these are.
  if (scheme === 'official') metadata.set('format', 'pt');
  else metadata.delete('format');
  const written = writeWeightFile(to, renamed.tensors, format, { nameTable, metadata });
  return { ...written, names: scheme, renamed };
}
