// A backend by the name of the device, in Node. Its library is loaded here and not before.
import { HrposeError } from '../errors.ts';
import type { Backend } from './backend.ts';
import type { SearchMode } from './onednn/index.ts';
import type { LoweringOptions } from './webgpu/lower.ts';

/** `auto`: the GPU if there is one in hardware, else the CPU. */
export type DeviceName = 'cpu' | 'gpu' | 'auto';

/** Type of activations: bf16 is for CPUs, f16 for GPUs. */
export type Amp = 'fp32' | 'bf16' | 'f16';

export interface BackendOptions {
  /** Of the network on the CPU. */
  readonly threads: number;
  readonly amp: Amp;
  readonly search: SearchMode;
  /** MB of the GPU's memory that may be taken. */
  readonly gpuMb?: number;
  /** Multiply on the GPU's matrix units, an experiment. */
  readonly gpuMatrices?: boolean;
}

/** Takes what is worth telling: what it computes on, what an option does not do there. */
export type Note = (text: string) => void;

/** @param sayWhich also tell what `auto` comes to where that is the CPU */
export function openNodeBackend(
  device: DeviceName,
  options: BackendOptions,
  note: Note,
  sayWhich = true,
): Promise<Backend> {
  switch (device) {
    case 'cpu':
      return openCpu(options, note);
    case 'gpu':
      return openGpu(options, note);
    case 'auto':
      return openBest(options, note, sayWhich);
    default:
      return device satisfies never;
  }
}

async function openCpu(
  { threads, amp, search, gpuMb, gpuMatrices }: BackendOptions,
  note: Note,
): Promise<Backend> {
  const { createDnnlBackend, fastBfloat16 } = await import('./onednn/index.ts');
  if (gpuMb !== undefined) note('--gpu-mb: computing on the CPU, where it has no effect.');
  if (gpuMatrices) note('--gpu-matrices: computing on the CPU, where it has no effect.');
  if (amp === 'f16')
    note('--amp f16: the CPU computes in float32; its half precision is --amp bf16.');
  const precision = amp === 'bf16' && fastBfloat16() ? 'bf16' : 'fp32';
  if (amp === 'bf16' && precision === 'fp32') {
    note(
      '--amp bf16: this CPU has no bfloat16 instructions (AVX512_BF16, AMX); computing in float32.',
    );
  }
  return createDnnlBackend({ threads, search, precision });
}

/** Any adapter, hardware before software; an environment error where there is none. */
async function openGpu(
  { amp, search, gpuMb, gpuMatrices: matrixUnits = false }: BackendOptions,
  note: Note,
  hardware = false,
): Promise<Backend> {
  const { openNodeGpu } = await import('./webgpu/nodeDevice.ts');
  const { createGpuBackend } = await import('./webgpu/index.ts');
  const { unitOf } = await import('./webgpu/conv/tile.ts');
  const gpu = await openNodeGpu({ hardware, matrixUnits });
  const { name, software } = gpu.adapter;
  note(
    software
      ? `computing on ${name}, which emulates a GPU on the CPU: --device cpu is faster.`
      : `computing on ${name}.`,
  );
  if (amp === 'bf16')
    note('--amp bf16: the GPU computes in float32; its half precision is --amp f16.');
  const activations = amp === 'f16' ? 'f16' : 'f32';
  if (matrixUnits && !unitOf(gpu.features, activations))
    note(`--gpu-matrices: ${name} offers no matrices of ${activations} that add in float32.`);
  // Where hardware was lost an emulation of it would be no help.
  const reopen = () => openNodeGpu({ hardware: !software, matrixUnits });
  return createGpuBackend(gpu, {
    reopen,
    activations,
    ...(gpuMb !== undefined && { memoryBytes: gpuMb * 1e6 }),
    ...(search !== 'off' && (await measuredTiles(name))),
  });
}

/** Convolutions cut as 'npm run bench:gpu-conv -- --save' found best on this adapter. */
async function measuredTiles(adapter: string): Promise<LoweringOptions> {
  const [{ readTiles }, { tileChooser }] = await Promise.all([
    import('./webgpu/nodeTiles.ts'),
    import('./webgpu/tileSearch.ts'),
  ]);
  return { chooseTile: tileChooser(readTiles(adapter)) };
}

/** A GPU in hardware if there is one, else the CPU. */
async function openBest(options: BackendOptions, note: Note, sayWhich: boolean): Promise<Backend> {
  const { hasGpuHardware } = await import('./webgpu/nodeDevice.ts');
  const say = sayWhich ? note : () => {};
  if (!hasGpuHardware()) {
    say('computing on the CPU: this machine has no GPU.');
    return openCpu(options, note);
  }
  try {
    return await openGpu(options, note, true);
  } catch (error) {
    if (!(error instanceof HrposeError)) throw error;
    say(`computing on the CPU (${error.message})`);
    return openCpu(options, note);
  }
}
