// What lies beside a model and tells what its file does not: PaddleDetection's infer_cfg.yml and
// Hugging Face's preprocessor_config.json, of which the normalisation and the classes are taken.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { JSON_SCHEMA, load } from 'js-yaml';
import { z } from 'zod';
import { inputError } from '../errors.ts';

type Triple = readonly [number, number, number];

export interface SideFiles {
  /** Of values 0 to 255. */
  readonly normalize?: { readonly mean: Triple; readonly std: Triple };
  /** The picture keeps its shape, in the corner of the input. */
  readonly keepRatio?: boolean;
  readonly classes?: readonly string[];
  /** The file that said so. */
  readonly file?: string;
}

const mostBytes = 1 << 20;
const triple = z.tuple([z.number(), z.number(), z.number()]);

/** Of the model `model`; Hugging Face keeps models in a folder onnx/ below the file. */
export function readSideFiles(model: string): SideFiles {
  const folder = dirname(model);
  const paddle = join(folder, 'infer_cfg.yml');
  if (existsSync(paddle)) return readInferConfig(paddle);
  const beside = [folder, dirname(folder)].map((place) => join(place, 'preprocessor_config.json'));
  const huggingFace = beside.find((file) => existsSync(file));
  return huggingFace === undefined ? {} : readPreprocessor(huggingFace);
}

const inferConfig = z.object({
  Preprocess: z.array(z.looseObject({ type: z.string() })).optional(),
  label_list: z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)).optional(),
});
const normalizeStep = z.object({
  mean: triple.default([0, 0, 0]),
  std: triple.default([1, 1, 1]),
  is_scale: z.boolean().default(true),
  norm_type: z.string().default('mean_std'),
});

function readInferConfig(file: string): SideFiles {
  const config = check(file, inferConfig, () => load(text(file), { schema: JSON_SCHEMA }));
  const step = (type: string) => config.Preprocess?.find((item) => item.type === type);
  const normalize = step('NormalizeImage');
  const resize = step('Resize');
  return {
    file,
    ...(normalize && { normalize: paddleNormalize(check(file, normalizeStep, () => normalize)) }),
    ...(resize && { keepRatio: resize.keep_ratio === true }),
    ...(config.label_list && { classes: config.label_list }),
  };
}

/** `norm_type: none` leaves mean and std out; `is_scale` brings values to 0 … 1 first. */
function paddleNormalize({ mean, std, is_scale, norm_type }: z.infer<typeof normalizeStep>) {
  const scale = is_scale ? 255 : 1;
  const plain = norm_type === 'none';
  return {
    mean: plain ? ([0, 0, 0] as const) : times(mean, scale),
    std: plain ? ([scale, scale, scale] as const) : times(std, scale),
  };
}

const times = ([a, b, c]: Triple, factor: number): Triple => [a * factor, b * factor, c * factor];

const preprocessor = z.object({
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(false),
  image_mean: triple.default([0, 0, 0]),
  image_std: triple.default([1, 1, 1]),
});

function readPreprocessor(file: string): SideFiles {
  const config = check(file, preprocessor, () => JSON.parse(text(file)));
  const scale = config.do_rescale ? 1 / config.rescale_factor : 1;
  const { do_normalize: normal, image_mean: mean, image_std: std } = config;
  const normalize = {
    mean: times(normal ? mean : [0, 0, 0], scale),
    std: times(normal ? std : [1, 1, 1], scale),
  };
  return { file, normalize };
}

function text(file: string): string {
  if (statSync(file).size > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
  return readFileSync(file, 'utf8');
}

function check<T>(file: string, schema: z.ZodType<T>, read: () => unknown): T {
  try {
    return schema.parse(read());
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? `'${error.issues[0]?.path.join('.')}': ${error.issues[0]?.message}`
        : (error as Error).message.split('\n')[0];
    throw inputError(
      `${file}: it lies beside the detector and should tell how pictures are prepared for it, but ${why}. Mend it, or move it away.`,
      { cause: error },
    );
  }
}
