// Holds a backend against `reference` on one shared list of cases: every output and every state after
// each of two runs, so that a program that spoils its own inputs is found out as well.
import { philox } from '../data/philox.ts';
import { elementCount } from '../graph/graph.ts';
import type { Backend, Feed, Feeds } from './backend.ts';
import type { ConformanceCase, Filling } from './conformanceCase.ts';
import { graphCases } from './conformanceGraphs.ts';
import { opCases } from './conformanceOps.ts';
import { createReferenceBackend } from './reference/index.ts';

export const conformanceCases: readonly ConformanceCase[] = [...opCases, ...graphCases];

const makers: Readonly<Record<Filling, (rng: ReturnType<typeof philox>) => number>> = {
  normal: (rng) => rng.normal(),
  positive: (rng) => 0.5 + rng.uniform(),
  binary: (rng) => rng.integer(2),
  pixels: (rng) => rng.integer(256),
  // Keypoints in and around a picture of 48 × 64.
  positions: (rng) => rng.uniform() * 130 - 40,
  half: () => 0.5,
  zero: () => 0,
  'some infinite': (rng) => (rng.integer(64) === 0 ? Number.NEGATIVE_INFINITY : rng.normal()),
  'some NaN': (rng) => (rng.integer(64) === 0 ? Number.NaN : rng.normal()),
};

/** Values of a feed or state: the same for every backend, from the case's and the tensor's name. */
export function conformanceValues({ name, filling }: ConformanceCase, tensor: string, n: number) {
  const rng = philox(1, 0, 0, `${name} / ${tensor}`);
  const make = makers[filling[tensor] ?? 'normal'];
  return Float32Array.from({ length: n }, () => make(rng));
}

interface Observed {
  /** 'run 1, gradient0' → values. */
  readonly tensors: Map<string, Float32Array>;
}

async function observe(
  backend: Backend,
  test: ConformanceCase,
  readsBack: boolean,
): Promise<Observed> {
  const { graph } = test;
  const program = backend.prepare(graph);
  try {
    const values = (id: number, name: string) =>
      conformanceValues(test, name, elementCount(graph.values[id]!.shape));
    for (const { name, value } of graph.states) program.states.write(name, values(value, name));
    const feeds: Feeds = Object.fromEntries(
      graph.feeds.map((id): [string, Feed] => {
        const { name, dtype } = graph.values[id]!;
        const data = values(id, name);
        return [name, dtype === 'uint8' ? Uint8Array.from(data) : data];
      }),
    );
    const tensors = new Map<string, Float32Array>();
    for (const run of [1, 2]) {
      for (const [name, data] of Object.entries(await program.run(feeds))) {
        tensors.set(`run ${run}, ${name}`, data);
      }
      for (const { name, next } of graph.states) {
        if (next === undefined && !readsBack) continue;
        tensors.set(`run ${run}, state ${name}`, await program.states.read(name));
      }
    }
    return { tensors };
  } finally {
    program.close();
  }
}

/** Largest difference over the largest magnitude that was expected; NaN where either has one. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let worst = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.NaN;
    worst = Math.max(worst, difference);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return worst === 0 ? 0 : worst / Math.max(scale, 1e-30);
}

/** What a backend that rounds more than float32 sums do is allowed. */
export interface Allowance {
  /** In place of the case's own tolerance. */
  readonly tolerance?: ConformanceCase['tolerance'];
  /** Whether states that no run replaces can be read (true): some layouts of weights go one way only. */
  readonly readsBack?: boolean;
}

/** Throws an Error that names every tensor on which the backend and the reference differ. */
export async function checkCase(
  backend: Backend,
  test: ConformanceCase,
  { tolerance = test.tolerance, readsBack = true }: Allowance = {},
): Promise<void> {
  const reference = createReferenceBackend();
  const expected = await observe(reference, test, readsBack);
  const actual = await observe(backend, test, readsBack);
  const wrong: string[] = [];
  for (const [name, values] of expected.tensors) {
    const error = relativeError(actual.tensors.get(name)!, values);
    const { value, gradient } = tolerance;
    const limit = name.includes('gradient') ? gradient : value;
    if (!(error <= limit)) wrong.push(`${name}: off by ${error.toExponential(2)}, limit ${limit}`);
  }
  if (wrong.length > 0) throw new Error(`${backend.name}: ${test.name}: ${wrong.join('; ')}`);
}

export interface Skip {
  /** Why the backend need not pass. */
  readonly reason: string;
  readonly match: RegExp;
}

export interface ConformanceResult {
  readonly name: string;
  readonly outcome: 'passed' | 'skipped' | 'failed';
  /** Why it was skipped or how it failed. */
  readonly reason?: string;
}

/** All cases, one after the other. */
export async function runConformance(
  backend: Backend,
  { skip = [] }: { readonly skip?: readonly Skip[] } = {},
): Promise<ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const test of conformanceCases) {
    const { name } = test;
    const reason = skip.find(({ match }) => match.test(name))?.reason;
    if (reason !== undefined) {
      results.push({ name, outcome: 'skipped', reason });
      continue;
    }
    try {
      await checkCase(backend, test);
      results.push({ name, outcome: 'passed' });
    } catch (error) {
      results.push({ name, outcome: 'failed', reason: (error as Error).message });
    }
  }
  return results;
}
