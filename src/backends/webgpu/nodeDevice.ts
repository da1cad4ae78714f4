// WebGPU in Node: Dawn, from the optional package `webgpu`. The only file here that is not for browsers.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { environmentError } from '../../errors.ts';
import {
  type AdapterSummary,
  firstLine,
  type Gpu,
  openDevice,
  summarizeAdapter,
} from './device.ts';

/** Dawn runs for as long as something refers to this; Node ends only when nothing does. */
let instance: GPU | undefined;
let users = 0;

const options = (experiments: boolean): string[] => [
  // Times of single kernels are shorter than the steps that protect web pages.
  'disable-dawn-features=timestamp_quantization',
  // Kernels write workgroup memory before they read it. SwiftShader would fill it with one store an
  // element, which takes it half a second to compile where the kernel itself takes 25 ms.
  `enable-dawn-features=disable_workgroup_init${experiments ? ',allow_unsafe_apis' : ''}`,
];

/** Where Linux has its GPUs: render nodes, NVIDIA, AMD, Windows' subsystem for Linux. */
const deviceFiles = ['/dev/dri', '/dev/nvidiactl', '/dev/kfd', '/dev/dxg'];

/** Whether there may be a GPU at all: asking drivers takes longer and makes some of them complain. */
export const hasGpuHardware = (): boolean =>
  process.platform !== 'linux' || deviceFiles.some((file) => existsSync(file));

/** Where Chromium has SwiftShader, an emulation of a GPU on the CPU. */
const emulations = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];

const findEmulation = () => emulations.find((file) => existsSync(file));

/** By which a user names drivers to Vulkan. */
const driverVariables = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'];
const driversAreNamed = () => driverVariables.some((name) => process.env[name] !== undefined);

/**
 * Where Linux has no GPU, lets Vulkan see SwiftShader alone, unless the user has named drivers: others that
 * compute on the CPU are refused by Dawn, with warnings.
 */
function offerEmulation(): void {
  if (hasGpuHardware() || driversAreNamed()) return;
  const found = findEmulation();
  if (found) process.env.VK_ICD_FILENAMES = found;
}

/** @param experiments whether adapters offer what is not in the standard; decided by the first user */
async function acquire(experiments = false): Promise<GPU> {
  users++;
  if (instance) return instance;
  offerEmulation();
  try {
    const { create } = await import('webgpu');
    instance ??= create(options(experiments));
    return instance;
  } catch (error) {
    release();
    throw environmentError(
      `gpu: the package 'webgpu' cannot be used (${firstLine(error)}). Run 'npm ci --include=optional', or use --device cpu.`,
      { cause: error },
    );
  }
}

function release(): void {
  users--;
  if (users === 0) instance = undefined;
}

/** Hardware before software, powerful before saving; each adapter once. */
async function adaptersOf(gpu: GPU): Promise<GPUAdapter[]> {
  const preferences = ['high-performance', 'low-power'] as const;
  const found: GPUAdapter[] = [];
  for (const powerPreference of preferences) {
    const adapter = await quietly(() => gpu.requestAdapter({ powerPreference }));
    const name = adapter && summarizeAdapter(adapter).name;
    if (adapter && !found.some((other) => summarizeAdapter(other).name === name))
      found.push(adapter);
  }
  const isSoftware = (adapter: GPUAdapter) => Number(summarizeAdapter(adapter).software);
  return found.sort((a, b) => isSoftware(a) - isSoftware(b));
}

/** Some drivers look for a window system and print errors where there is none to be told of. */
async function quietly<T>(ask: () => Promise<T>): Promise<T> {
  if (process.env.XDG_RUNTIME_DIR !== undefined) return ask();
  process.env.XDG_RUNTIME_DIR = tmpdir();
  try {
    return await ask();
  } finally {
    delete process.env.XDG_RUNTIME_DIR;
  }
}

/**
 * What there is, first what openNodeGpu takes; empty where there is no adapter. Throws where the package cannot be
 * used. Drivers are asked only where there is something for them: some complain on machines without a GPU.
 */
export async function listAdapters(): Promise<AdapterSummary[]> {
  if (!hasGpuHardware() && !driversAreNamed() && findEmulation() === undefined) return [];
  const gpu = await acquire();
  try {
    return (await adaptersOf(gpu)).map(summarizeAdapter);
  } finally {
    release();
  }
}

/** Opens the best adapter; an environment error where there is none. */
export async function openNodeGpu({ hardware = false, matrixUnits = false } = {}): Promise<Gpu> {
  const gpu = await acquire(matrixUnits);
  const releaseOnce = once(release);
  try {
    const [adapter] = await adaptersOf(gpu);
    if (!adapter) {
      throw environmentError(
        "gpu: no adapter found: Vulkan, Metal or Direct3D 12 is not there or has no device. Install the graphics driver ('hrpose doctor' lists adapters), or use --device cpu. To try the GPU's kernels without one: apt-get install chromium libvulkan1.",
      );
    }
    const { name, software } = summarizeAdapter(adapter);
    if (hardware && software)
      throw environmentError(`gpu: the only adapter, ${name}, computes on the CPU.`);
    return await openDevice(adapter, releaseOnce, { matrixUnits });
  } catch (error) {
    releaseOnce();
    throw error;
  }
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (!called) call();
    called = true;
  };
}
