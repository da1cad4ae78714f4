// What one conformance case is: a graph, what its feeds and states hold, how close is close enough.
import type { Graph } from '../graph/graph.ts';

/** What a feed or state holds: normal numbers unless told. */
export type Filling =
  | 'normal'
  | 'positive'
  | 'binary'
  | 'pixels'
  | 'positions'
  | 'half'
  | 'zero'
  | 'some infinite'
  | 'some NaN';

export interface ConformanceCase {
  readonly name: string;
  readonly graph: Graph;
  /** Feed or state name → what is in it, where that is not 'normal'. */
  readonly filling: Readonly<Record<string, Filling>>;
  /**
   * Largest difference over the largest magnitude of the reference, for values and for gradients. Sums of
   * a few hundred float32 products in another order are off by some 1e-6 of their scale; gradients
   * are sums over whole pictures of products of such sums.
   */
  readonly tolerance: { readonly value: number; readonly gradient: number };
}

export const usualTolerance = { value: 1e-5, gradient: 1e-4 };
