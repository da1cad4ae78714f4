// A pose model → the ONNX model that was asked for, with everything in its metadata that using it needs.
import type { PoseModel } from '../infer/posePipeline.ts';
import { modelMetadata } from '../models/modelMetadata.ts';
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
