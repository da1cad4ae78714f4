// TensorFlow.js with its WebGPU backend, on a device that is open already. It comes from npm into a
// temporary folder, with scripts off, and is no dependency.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { globals } from 'webgpu';

export const tensorFlowVersion = '4.22.0';

export interface Tensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

export interface Variable extends Tensor {
  readonly name: string;
  assign(value: Tensor): void;
}

type Named = Readonly<Record<string, Tensor>>;
type Gradients = { readonly value: Tensor; readonly grads: Tensor[] };

/** What is used of it; its own types need a browser's. Activations are [N, H, W, C], weights [k, k, C, M]. */
export interface TensorFlow {
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: string): Tensor;
  variable(value: Tensor, trainable: boolean, name: string): Variable;
  tidy<T>(work: () => T): T;
  transpose(x: Tensor, permutation: readonly number[]): Tensor;
  cast(x: Tensor, dtype: 'float32'): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor | number): Tensor;
  square(x: Tensor): Tensor;
  mean(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  conv2d(x: Tensor, weight: Tensor, stride: number, padding: number): Tensor;
  moments(x: Tensor, axes: readonly number[]): { readonly mean: Tensor; readonly variance: Tensor };
  batchNorm(
    ...args: [
      x: Tensor,
      mean: Tensor,
      variance: Tensor,
      beta: Tensor,
      gamma: Tensor,
      epsilon: number,
    ]
  ): Tensor;
  readonly image: {
    resizeNearestNeighbor(x: Tensor, size: readonly [number, number]): Tensor;
  };
  readonly train: {
    adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer;
  };
  variableGrads(
    loss: () => Tensor,
    variables: readonly Variable[],
  ): { readonly value: Tensor; readonly grads: Named };
  valueAndGrads(f: (...x: Tensor[]) => Tensor): (x: readonly Tensor[], dy: Tensor) => Gradients;
  profile(work: () => void): Promise<{ readonly kernels: readonly unknown[] }>;
  engine(): {
    runKernel(name: string, inputs: Named, attrs: object): Tensor;
  };
  env(): { set(flag: string, value: unknown): void };
  registerBackend(name: string, make: () => unknown): void;
  setBackend(name: string): Promise<boolean>;
  backend(): Record<
    'ensureCommandEncoderReady' | 'endComputePassEncoder' | 'submitQueue',
    () => void
  >;
}

export interface Optimizer {
  applyGradients(gradients: Named): void;
  dispose(): void;
}

export async function loadTensorFlow(device: GPUDevice): Promise<TensorFlow> {
  const folder = join(tmpdir(), 'hrpose-bench-tfjs');
  if (!existsSync(join(folder, 'node_modules/@tensorflow/tfjs-backend-webgpu'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    const packages = ['core', 'backend-webgpu'].map(
      (name) => `@tensorflow/tfjs-${name}@${tensorFlowVersion}`,
    );
    const install = ['i', '--ignore-scripts', '--no-audit', '--no-fund', ...packages];
    execFileSync('npm', install, { cwd: folder, stdio: 'ignore' });
  }
  Object.assign(globalThis, globals);
  const require = createRequire(join(folder, 'package.json'));
  const tf = require('@tensorflow/tfjs-core') as TensorFlow;
  // The package proper leaves them out, to be small; both find each other through the global object.
  require('@tensorflow/tfjs-core/dist/register_all_gradients');
  const { WebGPUBackend } = require('@tensorflow/tfjs-backend-webgpu');
  // It works where a browser's name is; at its loading it would have opened a device of its own.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, device.adapterInfo));
  // Small tensors would go to the CPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  await tf.setBackend('webgpu');
  return tf;
}

/** Hands the device what TensorFlow.js has recorded so far; it waits for more otherwise. */
export function submitAll(tf: TensorFlow): void {
  const backend = tf.backend();
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}
