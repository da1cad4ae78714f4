// hrpose doctor: what this machine offers for training, and one line of advice for whatever is missing.
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { availableMemory } from '../availableMemory.ts';
import type { AdapterSummary } from '../backends/webgpu/device.ts';
import { freeBytesNow } from '../data/diskSpace.ts';
import { formatBytes } from '../format.ts';

interface Finding {
  readonly name: string;
  /** 'missing' makes training impossible; 'poor' makes it slow or risky; 'absent' is of use elsewhere. */
  readonly state: 'good' | 'poor' | 'missing' | 'absent';
  readonly value: string;
  readonly advice?: string;
  /** Numbers and names for --json. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Content of a small system file, or '' where there is none. */
function systemFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const value = `${process.version} on ${process.platform} ${process.arch}`;
  if (major > 20 || (major === 20 && minor >= 19)) return { name: 'Node', state: 'good', value };
  return { name: 'Node', state: 'missing', value, advice: 'install Node 20.19 or later' };
}

/** Instruction sets that decide how fast oneDNN is, as /proc/cpuinfo names them. */
const features = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'amx_bf16'];

function cpuFinding(): Finding {
  const text = systemFile('/proc/cpuinfo');
  const flags = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/));
  const present = features.filter((feature) => flags.has(feature));
  const model = cpus()[0]?.model.trim() || process.arch;
  const bf16 = present.includes('avx512_bf16') || present.includes('amx_bf16');
  const details = { model, features: present, bf16 };
  const value = `${model}${present.length > 0 ? `, ${present.join(' ')}` : ''}`;
  if (text === '' || present.includes('avx2'))
    return { name: 'CPU', state: 'good', value, details };
  const advice = 'training will be slow without AVX2; use another machine for large networks';
  return { name: 'CPU', state: 'poor', value, details, advice };
}

function threadsFinding(): Finding {
  const threads = availableParallelism();
  const asked = process.env.OMP_NUM_THREADS;
  const value = `${threads}${asked === undefined ? '' : `, OMP_NUM_THREADS=${asked}`}`;
  const details = { threads, openMpThreads: asked ?? null };
  if (asked === undefined || Number(asked) <= threads)
    return { name: 'Threads', state: 'good', value, details };
  const advice = `OMP_NUM_THREADS is more than the machine has; unset it or use ${threads}`;
  return { name: 'Threads', state: 'poor', value, details, advice };
}

/** Path of a library that this process has loaded (Linux). */
function loadedPath(name: string): string | undefined {
  const line = systemFile('/proc/self/maps')
    .split('\n')
    .find((entry) => entry.includes(`/${name}`));
  return line?.slice(line.indexOf('/'));
}

const firstSentence = (error: unknown) => String((error as Error).message).split(/\.\s|\n/)[0]!;

async function onednnFinding(): Promise<Finding> {
  try {
    const { loadFfi } = await import('../backends/onednn/ffi.ts');
    const { major, minor, patch } = loadFfi().version;
    const path = loadedPath('libdnnl');
    const version = `${major}.${minor}.${patch}`;
    const value = `${version}${path === undefined ? '' : `, ${path}`}`;
    return { name: 'oneDNN', state: 'good', value, details: { version, path } };
  } catch (error) {
    const advice = "run 'apt-get update && apt-get install libdnnl2' as root (Debian, Ubuntu)";
    const value = firstSentence(error);
    return { name: 'oneDNN', state: 'missing', value, advice };
  }
}

async function sharpFinding(): Promise<Finding> {
  try {
    const { versions } = (await import('sharp')).default;
    const value = `sharp ${versions.sharp}, libvips ${versions.vips}`;
    const details = { sharp: versions.sharp, vips: versions.vips };
    return { name: 'Pictures', state: 'good', value, details };
  } catch (error) {
    const value = firstSentence(error);
    return { name: 'Pictures', state: 'missing', value, advice: "run 'npm ci'" };
  }
}

async function videoFinding(): Promise<Finding> {
  const { findFfmpeg, installLine } = await import('../infer/ffmpeg.ts');
  try {
    const { version, encoder } = await findFfmpeg();
    const value = `ffmpeg ${version}, writes with ${encoder.name}`;
    return { name: 'Video', state: 'good', value, details: { version, encoder: encoder.name } };
  } catch {
    const advice = `for 'hrpose infer --video' run ${installLine}`;
    return { name: 'Video', state: 'absent', value: 'no ffmpeg', advice };
  }
}

async function detectorsFinding(): Promise<Finding> {
  const { fastestFirst, lookForOnnxRuntime } = await import('../onnx/runtime.ts');
  const found = await lookForOnnxRuntime({ threads: 1 }, fastestFirst);
  if (found === undefined) {
    const advice =
      "for 'hrpose infer --detector' run 'npm install onnxruntime-node' (or onnxruntime-web, slower)";
    return { name: 'Detectors', state: 'absent', value: 'no ONNX Runtime', advice };
  }
  const { name: value, package: name, version } = found;
  return { name: 'Detectors', state: 'good', value, details: { package: name, version } };
}

async function gpuFinding(): Promise<Finding> {
  const { hasGpuHardware, listAdapters } = await import('../backends/webgpu/nodeDevice.ts');
  try {
    const adapters = await listAdapters();
    const [first] = adapters;
    const hardware = hasGpuHardware() && first?.software === false;
    const taken = { gpu: first?.name ?? null, auto: hardware ? first.name : 'cpu' };
    const details = { adapters, taken };
    if (first === undefined) {
      const advice =
        "for '--device gpu' install the graphics driver, or to try it without a GPU: apt-get install chromium libvulkan1";
      const value = 'none; --device auto takes the CPU';
      return { name: 'GPU', state: 'absent', value, details, advice };
    }
    const which = adapters.length === 1 ? 'it' : 'the first';
    const choice = hardware
      ? `--device auto and gpu take ${which}`
      : `--device gpu takes ${which}, --device auto the CPU`;
    const value = [...adapters.map(describeAdapter), choice].join('; ');
    return { name: 'GPU', state: hardware ? 'good' : 'absent', value, details };
  } catch (error) {
    const advice = "for '--device gpu' run 'npm ci --include=optional'";
    const value = `${firstSentence(error)}; --device auto takes the CPU`;
    return { name: 'GPU', state: 'absent', value, advice };
  }
}

function describeAdapter({ name, software, features, limits }: AdapterSummary): string {
  const bound = formatBytes(limits.maxStorageBufferBindingSize!);
  const workgroup = formatBytes(limits.maxComputeWorkgroupStorageSize!);
  const kind = software ? 'emulated on the CPU' : 'hardware';
  return [name, kind, ...features, `tensors to ${bound}`, `workgroup memory ${workgroup}`].join(
    ', ',
  );
}

/** Below this a network of usual size does not train with a batch worth having. */
const enoughMemory = 4 * 2 ** 30;

function memoryFinding(): Finding {
  const total = totalmem();
  const available = availableMemory();
  const value = `${formatBytes(total)}, ${formatBytes(available)} available`;
  const details = { total, available };
  if (available >= enoughMemory) return { name: 'Memory', state: 'good', value, details };
  const advice = 'use a small TrainReader.batch_size, or end other programs';
  return { name: 'Memory', state: 'poor', value, details, advice };
}

/** Two checkpoints and the best, each with moments, of the largest network take about 2.3 GB. */
const enoughDisk = 4 * 2 ** 30;

function diskFinding(): Finding {
  const free = freeBytesNow('.');
  const value = `${formatBytes(free)} free in the working directory`;
  const details = { free };
  if (free >= enoughDisk) return { name: 'Disk', state: 'good', value, details };
  const advice = "free some space, or write elsewhere with '-o save_dir=DIR'";
  return { name: 'Disk', state: 'poor', value, details, advice };
}

async function examine(): Promise<Finding[]> {
  return [
    nodeFinding(),
    cpuFinding(),
    threadsFinding(),
    memoryFinding(),
    diskFinding(),
    await onednnFinding(),
    await gpuFinding(),
    await sharpFinding(),
    await videoFinding(),
    await detectorsFinding(),
  ];
}

const marks = { good: 'ok', poor: 'POOR', missing: 'MISSING', absent: '-' } as const;

function render(findings: readonly Finding[], usable: boolean): string {
  const lines = findings.flatMap(({ name, state, value, advice }) => [
    `${marks[state].padEnd(8)} ${name.padEnd(9)} ${value}`,
    ...(advice === undefined ? [] : [`${' '.repeat(19)}-> ${advice}`]),
  ]);
  const verdict = usable
    ? 'This machine can train.'
    : 'This machine cannot train until what is MISSING is there.';
  return `${lines.join('\n')}\n\n${verdict}\n`;
}

export function command(): Command {
  return new Command('doctor')
    .summary('tell whether this machine can train')
    .description(
      'Looks at Node, the CPU and its instruction sets, threads, memory, disk, oneDNN, GPUs, the picture ' +
        'decoder and what videos and detectors need, and says what to do about each thing that is ' +
        'missing. Exits with 4 when training is impossible here.',
    )
    .addHelpText('after', '\nExamples\n  hrpose doctor\n  hrpose doctor --json')
    .action(async (_, cmd: Command) => {
      const findings = await examine();
      const usable = findings.every((finding) => finding.state !== 'missing');
      const { json } = cmd.optsWithGlobals<{ json?: boolean }>();
      const output = json
        ? `${JSON.stringify({ usable, findings }, null, 2)}\n`
        : render(findings, usable);
      process.stdout.write(output);
      if (!usable) process.exitCode = 4;
    });
}
