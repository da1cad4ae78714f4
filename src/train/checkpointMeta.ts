// meta.json of a checkpoint: its schema, and the hash that it states of itself, by which a changed
// byte in it is found.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { HrposeError, inputError } from '../errors.ts';
import { readWhole } from './durable.ts';
import type { GradientScale } from './gradientScale.ts';

/** Where a run stands. Counters count what is finished. */
export interface CheckpointMeta {
  readonly step: number;
  readonly epoch: number;
  /** Finished steps of the epoch that is under way; 0 between epochs. */
  readonly stepInEpoch: number;
  readonly seed: number;
  /** Of gradients in half precision. */
  readonly gradientScale?: GradientScale | undefined;
  /** Best AP of the run so far, 0..1; absent before the first evaluation. */
  readonly bestAp?: number;
  /** Samples that are computed at once, where a batch does not fit into the memory of the device. */
  readonly microBatch?: number;
  /** Losses of the last steps, which the next log line is made from. */
  readonly recentLosses?: readonly number[];
  /** The resolved settings, as JSON. */
  readonly config: unknown;
}

export const modelFile = 'model.safetensors';
export const optimizerFile = 'optimizer.safetensors';
export const metaFile = 'meta.json';
const maxMetaBytes = 16 * 2 ** 20;

const counter = z.int().min(0);
const fileRecord = z.object({ bytes: counter, sha256: z.string().length(64) });
const gradientScale = z.object({ scale: z.number().positive(), goodSteps: counter });
const metaSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  generation: counter,
  best: z.boolean(),
  step: counter,
  epoch: counter,
  stepInEpoch: counter,
  seed: z.int(),
  gradientScale: gradientScale.optional(),
  bestAp: z.number().optional(),
  microBatch: z.int().min(1).optional(),
  recentLosses: z.array(z.number()).max(100_000).readonly().optional(),
  config: z.unknown(),
  files: z.object({ [modelFile]: fileRecord, [optimizerFile]: fileRecord }),
  sha256: z.string(),
});
/** All that meta.json holds. `generation` counts the saves of a run. */
export type StoredMeta = z.infer<typeof metaSchema>;

/** Older files call it lossScale, which is the config's word for a constant of the loss. */
const readSchema = metaSchema
  .extend({ lossScale: gradientScale.optional() })
  .transform(({ lossScale, ...meta }) => ({
    ...(lossScale && { gradientScale: lossScale }),
    ...meta,
  }));

const toJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
/** Hexadecimal. */
export const sha256 = (data: Uint8Array | string) =>
  createHash('sha256').update(data).digest('hex');

/** meta.json, whose last entry is the hash of the text without it. Only what can be read back. */
export function encodeMeta(meta: Omit<StoredMeta, 'sha256'>): Uint8Array {
  const plain = JSON.parse(JSON.stringify(meta)) as object;
  const signed = { ...plain, sha256: sha256(toJson(plain)) };
  const checked = metaSchema.safeParse(signed);
  if (checked.success) return new TextEncoder().encode(toJson(signed));
  throw inputError(`checkpoint: the counters cannot be saved: ${z.prettifyError(checked.error)}`);
}

/** As readMeta, but undefined where that throws. */
export function readMetaIfIntact(path: string): StoredMeta | undefined {
  try {
    return readMeta(path);
  } catch (error) {
    if (error instanceof HrposeError) return undefined;
    throw error;
  }
}

/** meta.json of the checkpoint folder `path`; throws an inputError if it is missing or damaged. */
export function readMeta(path: string): StoredMeta {
  const file = join(path, metaFile);
  const text = new TextDecoder().decode(readWhole(file, maxMetaBytes));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw inputError(`${file}: damaged, it is not JSON.`, { cause });
  }
  const { sha256: stated, ...rest } = Object(json) as { sha256?: unknown };
  if (sha256(toJson(rest)) !== stated || toJson({ ...rest, sha256: stated }) !== text) {
    throw inputError(`${file}: damaged, its SHA-256 is not the one it states.`);
  }
  const parsed = readSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw inputError(
    `${file}: not understood: ${z.prettifyError(parsed.error)}. ` +
      'It may be of another version of hrpose.',
  );
}
