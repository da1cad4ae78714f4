// ONNX Runtime, whichever is installed: onnxruntime-node runs native code, onnxruntime-web the same in
// WebAssembly, some times slower. Both are optional and looked for when a model is opened.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { environmentError, inputError } from '../errors.ts';
import type { Tensor, Tensors } from './family.ts';

/** The part of the runtimes' common interface that is used here. */
interface Ort {
  readonly env: {
    readonly wasm: { numThreads?: number };
    readonly versions?: Readonly<Record<string, string | undefined>>;
  };
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: object): Promise<OrtSession>;
  };
  readonly Tensor: new (type: string, data: Tensor['data'], dims: readonly number[]) => OrtTensor;
}
interface OrtTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}
interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

export interface OnnxSession {
  /** 'onnxruntime-node' */
  readonly runtime: string;
  run(feeds: Tensors): Promise<Tensors>;
  close(): Promise<void>;
}

const packages = ['onnxruntime-node', 'onnxruntime-web'] as const;

export interface FoundRuntime {
  readonly name: (typeof packages)[number];
  readonly version: string;
  readonly ort: Ort;
}

/** The installed runtime; undefined where there is none. */
export async function findRuntime(): Promise<FoundRuntime | undefined> {
  for (const name of packages) {
    try {
      const module = (await import(name)) as Ort & { readonly default?: Ort };
      const ort = module.InferenceSession ? module : module.default!;
      return { name, version: ort.env.versions?.common ?? '', ort };
    } catch {
      // Not installed, or its binary is missing.
    }
  }
  return undefined;
}

export async function openSession(file: string, threads?: number): Promise<OnnxSession> {
  const found = await findRuntime();
  if (found === undefined) {
    throw environmentError(
      `detector: ${file} needs ONNX Runtime, which is not installed. Run 'npm install onnxruntime-node' (fast), or 'npm install onnxruntime-web' (anywhere, slower).`,
    );
  }
  const { name, ort } = found;
  const workers = threads ?? availableParallelism();
  const options = { intraOpNumThreads: workers, logSeverityLevel: 3 };
  const web = name === 'onnxruntime-web';
  if (web) ort.env.wasm.numThreads = workers;
  let session: OrtSession;
  try {
    session = await ort.InferenceSession.create(
      web ? await readFile(file) : file,
      web ? { logSeverityLevel: 3 } : options,
    );
  } catch (error) {
    throw inputError(
      `${file}: ${name} cannot load it (${(error as Error).message.split('\n')[0]}). Export it again, for an opset that this version knows.`,
      { cause: error },
    );
  }
  return {
    runtime: name,
    async run(feeds) {
      const tensors = Object.entries(feeds).map(
        ([key, { type, data, dims }]) => [key, new ort.Tensor(type, data, dims)] as const,
      );
      try {
        return (await session.run(Object.fromEntries(tensors))) as Tensors;
      } catch (error) {
        throw inputError(
          `${file}: ${name} cannot run it (${(error as Error).message.split('\n')[0]}). Check the kind of the detector and the size of its input.`,
          { cause: error },
        );
      }
    },
    close: () => session.release(),
  };
}
