// ONNX Runtime, whichever is installed: onnxruntime-web (WebAssembly, runs anywhere) or
// onnxruntime-node (native). Both are optional and looked for when a model is to be run.
import { environmentError, inputError } from '../errors.ts';
import type { ElementType } from './proto.ts';

/** A tensor that goes in or comes out. */
export interface RunTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

export interface OnnxSession {
  /** Runs the model. With `wanted` only these outputs are computed and handed out. */
  run(
    feeds: Readonly<Record<string, RunTensor>>,
    wanted?: readonly string[],
  ): Promise<Readonly<Record<string, RunTensor>>>;
  close(): Promise<void>;
}

export interface OnnxRuntime {
  /** 'onnxruntime-web 1.30.0' */
  readonly name: string;
  /** A model from its bytes; `where` names it in errors. */
  open(bytes: Uint8Array, where: string): Promise<OnnxSession>;
}

export interface RuntimeOptions {
  readonly threads: number;
}

/** The part of the packages' common interface that is used here. */
interface Ort {
  readonly env: {
    readonly versions: Readonly<Record<string, string | undefined>>;
    readonly wasm: { numThreads?: number };
  };
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OrtSession>;
  };
  readonly Tensor: new (type: string, data: ArrayBufferView, dims: readonly number[]) => RunTensor;
}

interface OrtSession {
  run(
    feeds: Readonly<Record<string, RunTensor>>,
    wanted?: readonly string[],
  ): Promise<Readonly<Record<string, RunTensor>>>;
  release(): Promise<void>;
}

const packages = ['onnxruntime-web', 'onnxruntime-node'] as const;

/** The first installed runtime; an environmentError with the line that installs one. */
export async function findOnnxRuntime(
  { threads }: RuntimeOptions,
  names: readonly string[] = packages,
): Promise<OnnxRuntime> {
  for (const name of names) {
    const ort = await load(name);
    if (ort) return runtimeOf(name, ort, threads);
  }
  throw environmentError(
    "export: ONNX Runtime is not installed, and the model is to be checked with it. Run 'npm install onnxruntime-web' (or onnxruntime-node), or export with --no-check.",
  );
}

async function load(name: string): Promise<Ort | undefined> {
  try {
    const module = (await import(name)) as Ort & { readonly default?: Ort };
    return module.InferenceSession ? module : module.default;
  } catch {
    return undefined; // Not installed, or its binary is missing.
  }
}

function runtimeOf(name: string, ort: Ort, threads: number): OnnxRuntime {
  if (name === 'onnxruntime-web') ort.env.wasm.numThreads = threads;
  const version = ort.env.versions[name === 'onnxruntime-web' ? 'web' : 'node'] ?? '';
  const options = { executionProviders: ['cpu'], logSeverityLevel: 3, intraOpNumThreads: threads };
  return {
    name: `${name} ${version}`.trim(),
    async open(bytes, where) {
      const session = await ort.InferenceSession.create(bytes, options).catch((cause: unknown) => {
        throw inputError(`${where}: ${name} cannot load it (${firstLine(cause)}).`, { cause });
      });
      return {
        async run(feeds, wanted) {
          const tensors = Object.entries(feeds).map(
            ([key, { type, data, dims }]) => [key, new ort.Tensor(type, data, dims)] as const,
          );
          try {
            return await session.run(Object.fromEntries(tensors), wanted);
          } catch (cause) {
            throw inputError(`${where}: ${name} cannot run it (${firstLine(cause)}).`, { cause });
          }
        },
        close: () => session.release(),
      };
    },
  };
}

const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0];
