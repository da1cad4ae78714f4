// ONNX Runtime, whichever is installed: onnxruntime-node runs native code, onnxruntime-web the same in
// WebAssembly, anywhere and some times slower. Both are optional and looked for when a model is to be run.
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

/** What to do when a model cannot be loaded or run, as the end of a message. */
export interface RunAdvice {
  readonly load: string;
  readonly run: string;
}

export interface OnnxRuntime {
  /** 'onnxruntime-web' */
  readonly package: string;
  readonly version: string;
  /** 'onnxruntime-web 1.30.0' */
  readonly name: string;
  /** A model from its bytes, or (onnxruntime-node) its path; `where` names it in errors. */
  open(model: Uint8Array | string, where: string, advice?: RunAdvice): Promise<OnnxSession>;
}

export interface RuntimeOptions {
  readonly threads: number;
}

/** The part of the packages' common interface that is used here. */
interface Ort {
  readonly env: {
    readonly versions?: Readonly<Record<string, string | undefined>>;
    readonly wasm: { numThreads?: number };
  };
  readonly InferenceSession: {
    create(model: Uint8Array | string, options: object): Promise<OrtSession>;
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

/** Where results are to be what they are everywhere. */
const portableFirst = ['onnxruntime-web', 'onnxruntime-node'] as const;
/** Where speed counts. */
export const fastestFirst = ['onnxruntime-node', 'onnxruntime-web'] as const;

/** The first installed runtime, to check an export with; an environmentError with the line that installs one. */
export async function findOnnxRuntime(
  options: RuntimeOptions,
  packages: readonly string[] = portableFirst,
): Promise<OnnxRuntime> {
  const found = await lookForOnnxRuntime(options, packages);
  if (found) return found;
  throw environmentError(
    "export: ONNX Runtime is not installed, and the model is to be checked with it. Run 'npm install onnxruntime-web' (or onnxruntime-node), or export with --no-check.",
  );
}

/** The first installed runtime; undefined where there is none. */
export async function lookForOnnxRuntime(
  { threads }: RuntimeOptions,
  packages: readonly string[],
): Promise<OnnxRuntime | undefined> {
  for (const name of packages) {
    const ort = await load(name);
    if (ort) return runtimeOf(name, ort, threads);
  }
  return undefined;
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
  const { versions = {} } = ort.env;
  const version = versions[name === 'onnxruntime-web' ? 'web' : 'node'] ?? versions.common ?? '';
  const options = { executionProviders: ['cpu'], logSeverityLevel: 3, intraOpNumThreads: threads };
  return {
    package: name,
    version,
    name: `${name} ${version}`.trim(),
    async open(model, where, advice) {
      const session = await ort.InferenceSession.create(model, options).catch((cause: unknown) => {
        throw inputError(sentences(`${where}: ${name} cannot load it`, cause, advice?.load), {
          cause,
        });
      });
      return {
        async run(feeds, wanted) {
          const tensors = Object.entries(feeds).map(
            ([key, { type, data, dims }]) => [key, new ort.Tensor(type, data, dims)] as const,
          );
          try {
            return await session.run(Object.fromEntries(tensors), wanted);
          } catch (cause) {
            throw inputError(sentences(`${where}: ${name} cannot run it`, cause, advice?.run), {
              cause,
            });
          }
        },
        close: () => session.release(),
      };
    },
  };
}

const sentences = (problem: string, cause: unknown, advice = '') =>
  `${problem} (${firstLine(cause)}). ${advice}`.trimEnd();

const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0];
