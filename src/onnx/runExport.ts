// The export command's work: model → bytes → check → file, and the report of it.
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { type Dataset, loadDataset } from '../data/dataset.ts';
import { numericalError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { findPictures } from '../infer/findPictures.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import type { Weights } from '../models/drawWeights.ts';
import { modelMetadata } from '../models/modelMetadata.ts';
import { createProgress } from '../progress.ts';
import { makeFolder, replaceFile, type WrittenFile } from '../train/durable.ts';
import { readWeights } from '../train/initialWeights.ts';
import type { Settings } from '../train/settings.ts';
import { type Certificate, certificateLines } from './certificate.ts';
import { type CheckOptions, checkExport } from './checkExport.ts';
import {
  type Crops,
  cropsOfDrawnPeople,
  cropsOfNoise,
  cropsOfPictures,
  cropsOfRecords,
} from './crops.ts';
import type { ExportInput, ExportPrecision } from './export.ts';
import { exportModel, type ModelExportOptions } from './exportModel.ts';
import { exportSafetensors } from './exportSafetensors.ts';
import { type ExportSource, exportSource } from './exportSource.ts';
import { printOnnx, showValue } from './print.ts';
import { encodeMetadata, encodeModel } from './proto.ts';
import { findOnnxRuntime } from './runtime.ts';
import { joinPieces, toBytes } from './wire.ts';

export interface ExportFlags {
  readonly config?: string;
  readonly opt: string[];
  readonly format: 'onnx' | 'safetensors';
  readonly output?: string | undefined;
  /** A folder for the file, which is named after the config. */
  readonly outputDir?: string | undefined;
  readonly decode: boolean;
  readonly input?: ExportInput;
  readonly precision: ExportPrecision;
  readonly batch?: number;
  readonly dynamicBatch: boolean;
  readonly image?: string[];
  readonly score: boolean;
  readonly check: boolean;
  readonly threads: number;
  readonly json?: boolean;
}

/** How many crops of each kind the check looks at. */
const checked = { people: 8, noise: 2 };

export async function runExport(
  flags: ExportFlags,
  openBackend: () => Promise<Backend>,
): Promise<void> {
  const source = await exportSource(flags, (text) => {
    process.stderr.write(`warning: ${text}\n`);
  });
  const { config, skeleton, inputSize } = source.model;
  if (!flags.json) {
    process.stdout.write(
      `Weights ${source.weightsFile}: HRNet-W${config.width}, ${skeleton.keypoints.length} keypoints, ${inputSize.height}x${inputSize.width}\n`,
    );
  }
  if (flags.format === 'safetensors') writeWeights(flags, source);
  else await writeModel(flags, source, openBackend);
}

async function writeModel(
  flags: ExportFlags,
  source: ExportSource,
  openBackend: () => Promise<Backend>,
): Promise<void> {
  const { decode, precision, threads } = flags;
  const { model, version } = source;
  // Missed before the work rather than after it.
  const runtime = flags.check ? await findOnnxRuntime({ threads }) : undefined;
  const options: ModelExportOptions = {
    input: flags.input ?? (decode ? 'uint8' : 'float'),
    arithmetic: precision,
    batch: flags.dynamicBatch ? undefined : (flags.batch ?? 1),
    decode,
    version,
    configSha256: source.config?.sha256,
  };
  const onnx = exportModel(model, options);
  if (Number(process.env.DEBUG ?? 0) >= 3) console.error(printOnnx(onnx));
  const image = encodeModel(onnx);
  const file = fileName(flags, source);
  makeFolder(dirname(file)); // What cannot be written is told before the work.
  const certificate =
    runtime &&
    (await certificateOf(flags, source, openBackend, {
      bytes: toBytes(image),
      ...(precision === 'fp16' && { rounded: roundedModel(model, options) }),
      where: file,
      model,
      input: options.input,
      precision,
      batch: options.batch,
      runtime,
    }));
  const proof = new Map(certificate && [['certificate', JSON.stringify(certificate)]]);
  const kept = certificate?.passed === false ? `${file}.rejected` : file;
  const written = replaceFile(kept, joinPieces([image, encodeMetadata(proof)]).chunks);
  const { inputs, outputs } = onnx;
  report(flags, kept, written, {
    lines: [
      ...inputs.map((value) => `  takes ${showValue(value)}, ${contentOf[options.input]}`),
      ...outputs.map((value) => `  gives ${showValue(value)}`),
      ...(certificate ? certificateLines(certificate) : [notChecked]),
    ],
    fields: { inputs, outputs, certificate },
  });
  if (certificate?.passed !== false) return;
  throw numericalError(
    `export: the model does not compute what the network does: ${certificate.failures.join('; ')}. It is kept as ${kept} for a look; try another --precision or runtime.`,
  );
}

const roundedModel = (model: PoseModel, options: ModelExportOptions) =>
  toBytes(encodeModel(exportModel(model, { ...options, arithmetic: 'rounded' })));

type Job = Omit<CheckOptions, 'backend' | 'crops' | 'scoreOn' | 'workers' | 'onCrops'>;

async function certificateOf(
  flags: ExportFlags,
  { config }: ExportSource,
  openBackend: () => Promise<Backend>,
  job: Job,
): Promise<Certificate> {
  const dataset = config && (await findDataset(config.settings, flags));
  const { model } = job;
  const crops = [
    await cropsToCheck(flags, model, dataset),
    cropsOfNoise(checked.noise, model.inputSize),
  ];
  const scoreOn = flags.score ? dataset : undefined;
  const tried = crops.reduce((sum, { count }) => sum + count, 0);
  const total = (job.rounded ? 2 : 1) * tried + (scoreOn?.records.length ?? 0);
  const json = flags.json === true;
  const progress = createProgress({ label: 'check', total, unit: 'crops', json });
  const backend = await openBackend();
  try {
    const workers = config?.settings.workers ?? 0;
    const onCrops = (done: number) => progress.update(done);
    return await checkExport({ ...job, backend, crops, scoreOn, workers, onCrops });
  } finally {
    progress.end();
    backend.close();
  }
}

/** The config's EvalDataset, where it is looked at and is there. With --score it has to be. */
async function findDataset(
  { eval: { dataset }, skeleton, inputSize }: Settings,
  { score, image }: ExportFlags,
): Promise<Dataset | undefined> {
  const isThere = existsSync(dataset.imageDir) && existsSync(dataset.annoPath);
  if (!score && (image !== undefined || !isThere)) return undefined;
  return loadDataset(dataset, skeleton, inputSize);
}

function cropsToCheck(
  { image }: ExportFlags,
  model: PoseModel,
  dataset: Dataset | undefined,
): Promise<Crops> | Crops {
  if (image !== undefined) return cropsOfPictures(findPictures(image), model);
  if (dataset !== undefined) return cropsOfRecords(dataset.records, model, checked.people);
  return cropsOfDrawnPeople(checked.people, model);
}

function writeWeights(flags: ExportFlags, source: ExportSource): void {
  const { model, version, config } = source;
  const about = { version, configSha256: config?.sha256, decode: false };
  const metadata = modelMetadata(model, about);
  if (config) metadata.set('config', config.json);
  const file = fileName(flags, source);
  const written = replaceFile(file, exportSafetensors(model, flags.precision, metadata).chunks);
  const off = flags.check ? readBack(model, file) : undefined;
  if (off !== undefined && off > 0 && flags.precision === 'fp32') {
    throw numericalError(
      `export: ${file} gives other values than were written, up to ${off} apart.`,
    );
  }
  const same = off === 0 ? 'every value is the same' : `values are at most ${off} apart`;
  report(flags, file, written, {
    lines: [
      `  holds ${model.weights.size} tensors under their official names`,
      off === undefined ? notChecked : `Read back: ${same}.`,
    ],
    fields: { tensors: model.weights.size, largestDifference: off },
  });
}

/** The largest difference between the weights and what a written file gives. */
function readBack({ config, weights }: PoseModel, file: string): number {
  const read: Weights = new Map();
  readWeights(config, file, 'nothing', read);
  let largest = 0;
  for (const [name, values] of weights) {
    const other = read.get(name)!;
    values.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value - other[i]!));
    });
  }
  return largest;
}

function fileName({ output, outputDir, format }: ExportFlags, { name }: ExportSource): string {
  const isFolder =
    output !== undefined &&
    (/[\\/]$/.test(output) || (existsSync(output) && statSync(output).isDirectory()));
  if (output !== undefined && !isFolder) return output;
  return join(output ?? outputDir ?? join('output', 'export'), `${name}.${format}`);
}

const contentOf = {
  float: 'RGB crops as (pixel/255 - mean)/std',
  uint8: 'RGB crops as they are',
} satisfies Record<ExportInput, string>;

const notChecked = 'Not checked (--no-check).';

interface Report {
  readonly lines: readonly string[];
  /** Of the JSON event. */
  readonly fields: Readonly<Record<string, unknown>>;
}

function report(
  { json, format, precision }: ExportFlags,
  file: string,
  { bytes, sha256 }: WrittenFile,
  { lines, fields }: Report,
): void {
  if (json) {
    const event = { event: 'export', file, format, precision, bytes, sha256, ...fields };
    process.stdout.write(`${JSON.stringify(event)}\n`);
    return;
  }
  const first = `Wrote ${file} (${formatBytes(bytes)}, ${precision})`;
  process.stdout.write(`${[first, ...lines].join('\n')}\n`);
}
