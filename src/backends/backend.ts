// What a backend is: a table of kernels and a way to prepare a graph. Everything is decided in
// `prepare`; a prepared program neither allocates nor looks at a shape when it runs.
import type { Graph, Shape } from '../graph/graph.ts';
import type { OpName } from '../ops/index.ts';
import type { Quantization } from '../passes/quantization.ts';

/** A kernel for every op; a missing one is a compile error. */
export type KernelTable<Kernel> = Readonly<Record<OpName, Kernel>>;

export type Feed = Float32Array | Uint8Array;
export type Feeds = Readonly<Record<string, Feed>>;

/**
 * The tensors that outlive a run, shared by all programs prepared with it. Values are handed over
 * and back in logical order (row-major [N, C, H, W] or [M, C, k, k]), whatever is stored.
 * Reading takes a way back from the device; the values are those of the moment of the call.
 */
export interface StateStore {
  /** Name → shape of every state that some program has asked for, in order of first use. */
  shapes(): ReadonlyMap<string, Shape>;
  read(name: string): Promise<Float32Array>;
  write(name: string, values: Float32Array): void;
  close(): void;
}

/** Outputs of a run, by name. */
export type Outputs = Readonly<Record<string, Float32Array>>;

export interface StepProfile {
  readonly label: string;
  /** Kernel class: 'conv2d', 'batchNormGrad', 'reorder'. */
  readonly kind: string;
  /** Which implementation runs it. */
  readonly implementation: string;
  readonly milliseconds: number;
  /** Operations of a convolution, two a product; 0 where it only moves data, absent where not counted. */
  readonly flops?: number;
  /** Bytes of everything that it reads and writes; absent where not counted. */
  readonly bytes?: number;
}

export interface Program {
  /**
   * One run. Feeds by name; the outputs, by name, are copies. The event loop is let through at
   * least every 20 ms. Throws where a feed is missing or has the wrong length.
   */
  run(feeds: Feeds): Promise<Outputs>;
  readonly states: StateStore;
  /** Resolves when the memory is there, which a run waits for in any case; absent where prepare has taken it. */
  readonly allocated?: Promise<void>;
  /** One run with every step timed. */
  profile(feeds: Feeds): Promise<readonly StepProfile[]>;
  /** What was decided, as text. */
  describe(): string;
  /** Bytes that the program holds beside the states. */
  readonly bytes: number;
  close(): void;
}

export interface Run {
  readonly program: Program;
  readonly feeds: Feeds;
}

export interface PrepareOptions {
  /** States to share; without it the program makes its own. */
  readonly states?: StateStore;
  /** Inference in 8 bits, where the backend can; weights then come as quantizeWeights makes them. */
  readonly quantization?: Quantization | undefined;
}

/** What a device reaches at best, as measured. */
export interface Peak {
  readonly gflops: number;
  /** Bytes that a copy reads and writes; absent where that is not measured. */
  readonly gigabytesPerSecond?: number;
  /** What reaches that rate: 'multiply-adds on registers'. */
  readonly of: string;
}

export interface Backend {
  readonly name: string;
  /** Which device it is, where there may be several. */
  readonly device?: string;
  /** Bytes of one element of an activation as it is stored. */
  readonly activationBytes: number;
  /**
   * Whether activations have the range of binary16, so that their gradients need a scale
   * (train/gradientScale.ts). Absent: no.
   */
  readonly halfRange?: boolean;
  /** Whether states and activations lie beside everything else of the process, or on a device of their own. */
  readonly memory: 'host' | 'device';
  /** What states and programs may take together; Infinity where that is not known. */
  availableBytes(): number;
  createStates(): StateStore;
  prepare(graph: Graph, options?: PrepareOptions): Program;
  /**
   * Runs of programs with the same states, one after the other. Where there is a device they are one submission:
   * nothing comes back between them, so that none can depend on what the host makes of an output.
   */
  runInTurn(runs: readonly Run[]): Promise<readonly Outputs[]>;
  /**
   * Takes another device after this one was lost; states and programs made before are of no use any
   * more. Does nothing where that has happened meanwhile. Absent where no device can be lost, or none can be had again.
   */
  renew?(): Promise<void>;
  /** Absent where it cannot be measured through the backend. */
  measurePeak?(): Promise<Peak>;
  close(): void;
}
