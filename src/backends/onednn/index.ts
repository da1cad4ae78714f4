// The oneDNN backend: float32 or bfloat16 on the CPU through libdnnl 2.x.
import { availableParallelism } from 'node:os';
import { availableMemory } from '../../availableMemory.ts';
import { usageError } from '../../errors.ts';
import type { Backend } from '../backend.ts';
import { runInTurn } from '../inTurn.ts';
import { ChoiceCache, choiceFile } from './choiceCache.ts';
import { createDnnl, hasBfloat16 } from './dnnl2.ts';
import { loadFfi } from './ffi.ts';
import type { LoweringOptions } from './lower.ts';
import { DnnlProgram } from './program.ts';
import { type ConvSearch, directOnly, measuring } from './search.ts';
import { DnnlStates } from './states.ts';

export interface DnnlOptions {
  /** Threads of every primitive; all cores by default. */
  readonly threads?: number;
  /** Algorithms of convolutions: `off` takes direct ones (default); else the fastest, measured or kept from before. */
  readonly search?: SearchMode | ConvSearch;
  /** Element type of activations and products (default fp32). Parameters, statistics, loss and moments are float32. */
  readonly precision?: Precision;
  /** Elements of a result above which inference takes some pictures of a batch at a time (default 2¹⁹). */
  readonly partElements?: number;
}

/** `cached` measures what no process has measured on this CPU before, `full` measures all again. */
export type SearchMode = 'off' | 'cached' | 'full';
export type Precision = 'fp32' | 'bf16';

/** Throws an environment error where libdnnl is not to be had. */
export function createDnnlBackend({
  threads = availableParallelism(),
  search: mode = 'off',
  precision = 'fp32',
  partElements,
}: DnnlOptions = {}): Backend {
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw usageError(`--threads: expected a whole number of at least 1, got ${threads}.`);
  }
  const ffi = loadFfi();
  ffi.setThreads(threads);
  const dnnl = createDnnl(ffi);
  const { major, minor, patch } = ffi.version;
  const cache =
    mode === 'cached' || mode === 'full'
      ? new ChoiceCache(choiceFile(threads, `${major}.${minor}.${patch}`), mode === 'full')
      : undefined;
  const rule = typeof mode === 'object' ? mode : directOnly;
  const options: LoweringOptions = {
    storage: precision === 'bf16' ? 'bfloat16' : 'float32',
    search: cache ? measuring(ffi, dnnl, cache) : rule,
    partElements,
  };
  return {
    name: 'onednn',
    activationBytes: precision === 'bf16' ? 2 : 4,
    memory: 'host',
    availableBytes: availableMemory,
    createStates: () => new DnnlStates(ffi, dnnl),
    prepare(graph, { states, quantization } = {}) {
      const store = (states as DnnlStates | undefined) ?? new DnnlStates(ffi, dnnl);
      const program = new DnnlProgram(graph, ffi, dnnl, store, states === undefined, {
        ...options,
        quantization,
      });
      cache?.save();
      return program;
    },
    runInTurn,
    close: () => dnnl.close(),
  };
}

/** Whether this CPU multiplies bfloat16 by instructions of its own; elsewhere float32 is faster. */
export const fastBfloat16 = (): boolean => hasBfloat16(loadFfi().c);
