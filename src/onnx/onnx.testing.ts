// What tests of exported models share: a tiny network, ONNX Runtime, the checker of the onnx package.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { compileInference } from '../passes/compile.ts';
import { type ExportOptions, exportOnnx } from './export.ts';
import { encodeModel, type OnnxModel } from './proto.ts';
import { findOnnxRuntime, type RunTensor } from './runtime.ts';
import { toBytes } from './wire.ts';

const usual: ExportOptions = {
  input: 'float',
  arithmetic: 'fp32',
  dynamicBatch: false,
  decode: undefined,
  metadata: new Map(),
  version: '0.0.0',
};

/** HRNet-small of width 8 at 64×96 with the golden weights. */
export function exportTiny(options: Partial<ExportOptions> = {}, batch = 1): OnnxModel {
  const { config, weights, inputSize, normalize } = tinyModel;
  const { graph, fold } = compileInference(inferenceGraph(config, { batch, inputSize, normalize }));
  return exportOnnx(graph, fold(weights), { ...usual, ...options });
}

/** The outputs of one run, as float32. */
export async function runModel(model: OnnxModel, feeds: Readonly<Record<string, RunTensor>>) {
  const runtime = await findOnnxRuntime({ threads: 1 });
  const session = await runtime.open(toBytes(encodeModel(model)), model.name);
  try {
    const outputs = Object.entries(await session.run(feeds));
    return Object.fromEntries(outputs.map(([name, { data }]) => [name, data as Float32Array]));
  } finally {
    await session.close();
  }
}

const python = '/usr/bin/python3';

/** Why the onnx package's checker cannot be used; false where it can. */
export function checkerMissing(): string | false {
  try {
    execFileSync(python, ['-c', 'import onnx'], { stdio: 'ignore' });
    return false;
  } catch {
    return `${python} has no onnx package (apt-get install -y python3-onnx)`;
  }
}

/** Runs the checker with shape inference over a model; throws what it says. */
export function checkModel(model: OnnxModel): void {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-onnx-'));
  const file = join(folder, 'model.onnx');
  try {
    writeFileSync(file, toBytes(encodeModel(model)));
    const check = `import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)`;
    execFileSync(python, ['-c', check, file], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
