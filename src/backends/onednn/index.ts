// The oneDNN backend: float32 on the CPU through libdnnl 2.x.
import { availableParallelism } from 'node:os';
import { usageError } from '../../errors.ts';
import type { Backend } from '../backend.ts';
import { createDnnl } from './dnnl2.ts';
import { loadFfi } from './ffi.ts';
import { DnnlProgram } from './program.ts';
import { DnnlStates } from './states.ts';

export interface DnnlOptions {
  /** Threads of every primitive; all cores by default. */
  readonly threads?: number;
}

/** Throws an environment error where libdnnl is not to be had. */
export function createDnnlBackend({ threads = availableParallelism() }: DnnlOptions = {}): Backend {
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw usageError(`--threads: expected a whole number of at least 1, got ${threads}.`);
  }
  const ffi = loadFfi();
  ffi.setThreads(threads);
  const dnnl = createDnnl(ffi);
  return {
    name: 'onednn',
    createStates: () => new DnnlStates(ffi, dnnl),
    prepare(graph, { states } = {}) {
      const store = (states as DnnlStates | undefined) ?? new DnnlStates(ffi, dnnl);
      return new DnnlProgram(graph, ffi, dnnl, store, states === undefined);
    },
    close: () => dnnl.close(),
  };
}
