// A pose model → the ONNX model that was asked for, with everything in its metadata that using it needs.
import type { PoseModel } from '../infer/posePipeline.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { compileInference } from '../passes/compile.ts';
import type { DecodeRules } from './decode.ts';
import { type ExportArithmetic, type ExportInput, exportOnnx } from './export.ts';
import type { OnnxModel } from './proto.ts';

export interface ModelExportOptions {
  readonly input: ExportInput;
  readonly arithmetic: ExportArithmetic;
  /** Crops a run; undefined leaves it open. */
  readonly batch: number | undefined;
  /** Whether the model gives keypoints besides heatmaps. */
  readonly decode: boolean;
  readonly version: string;
  /** Of the config that the model was made from, if there was one. */
  readonly configSha256: string | undefined;
}

export function exportModel(model: PoseModel, options: ModelExportOptions): OnnxModel {
  const { config, inputSize, normalize, weights } = model;
  const { input, arithmetic, batch, version } = options;
  const { graph, fold } = compileInference(
    inferenceGraph(config, { batch: batch ?? 1, inputSize, normalize }),
  );
  return exportOnnx(graph, fold(weights), {
    input,
    arithmetic,
    version,
    dynamicBatch: batch === undefined,
    decode: options.decode ? decodeRules(model) : undefined,
    metadata: modelMetadata(model, options),
  });
}

/** How the model's heatmaps are read. */
export function decodeRules({ useDark, darkKernel, udp, inputSize }: PoseModel): DecodeRules {
  const sides = [inputSize.width, inputSize.height] as const;
  // UDP counts distances between the middles of pixels, of which there is one less (spec 3.9).
  const ratio = (side: number) => (udp ? (side - 1) / (side / 4 - 1) : 4);
  return {
    darkKernel: useDark ? darkKernel : undefined,
    pixelsPerCell: [ratio(sides[0]), ratio(sides[1])],
  };
}

/** JSON under each key, plain text where a value is one word. */
export function modelMetadata(
  model: PoseModel,
  {
    version,
    configSha256,
    decode,
  }: Pick<ModelExportOptions, 'version' | 'configSha256' | 'decode'>,
): Map<string, string> {
  const { config, inputSize, normalize, skeleton, useDark, darkKernel, udp } = model;
  const reading = useDark ? { method: 'dark', kernel: darkKernel } : { method: 'quarter offset' };
  const entries: Readonly<Record<string, unknown>> = {
    network: config,
    input_size: inputSize,
    mean: normalize.mean,
    std: normalize.std,
    crop: { rule: udp ? 'udp' : 'affine', padding: 1.25 },
    decode: { ...reading, in_graph: decode },
    keypoint_names: skeleton.keypoints,
    limbs: skeleton.limbs,
    flip_pairs: skeleton.flipPairs,
    oks_sigmas: skeleton.oksSigmas,
  };
  return new Map([
    ['hrpose_version', version],
    ...(configSha256 === undefined ? [] : [['config_sha256', configSha256] as const]),
    ['skeleton', skeleton.name],
    ...Object.entries(entries).map(([key, value]) => [key, JSON.stringify(value)] as const),
  ]);
}
