// The passes that stand between a graph as it is built and a backend, in order. Checking, timing
// and printing hang on the loop that runs them: DEBUG=1 shows the passes, DEBUG=3 also each graph.
import { checkGraph } from '../graph/check.ts';
import type { Graph } from '../graph/graph.ts';
import { printGraph } from '../graph/print.ts';
import { type Folded, foldBatchNorm } from './foldBatchNorm.ts';
import { fuseRelu } from './fuse.ts';
import { fuseResidual } from './fuseResidual.ts';
import { removeDead } from './rebuild.ts';
import { recompute } from './recompute.ts';

type Pass = readonly [name: string, run: (graph: Graph) => Graph];

/**
 * For graphs that only look forward. Weights are folded into fewer states: what a program of
 * `graph` takes is `fold` of the states that the graph was built with.
 */
export function compileInference(graph: Graph): Folded {
  let folded: Folded | undefined;
  const compiled = runPasses('inference', graph, [
    ['fuseRelu', fuseRelu],
    [
      'foldBatchNorm',
      (g) => {
        folded = foldBatchNorm(g);
        return folded.graph;
      },
    ],
    ['fuseResidual', fuseResidual],
  ]);
  return { graph: compiled, fold: folded!.fold };
}

/**
 * For graphs that hold their gradients; ReLUs were fused before those were made. With `lean` cheap
 * results are made again in the backward part instead of kept.
 */
export function compileTraining(graph: Graph, { lean = false } = {}): Graph {
  return runPasses('training', graph, [
    ['removeDead', removeDead],
    ...(lean ? [['recompute', recompute] as const] : []),
  ]);
}

function runPasses(purpose: string, graph: Graph, passes: readonly Pass[]): Graph {
  const debug = debugLevel();
  checkGraph(graph, 'building');
  return passes.reduce((before, [name, run]) => {
    const start = performance.now();
    const after = run(before);
    checkGraph(after, name);
    if (debug >= 1) {
      const ms = (performance.now() - start).toFixed(1);
      const nodes = `${before.nodes.length} → ${after.nodes.length} nodes`;
      console.error(`${purpose}: ${name} ${nodes}, ${ms} ms with its check`);
    }
    if (debug >= 3) console.error(printGraph(after));
    return after;
  }, graph);
}

/** DEBUG of the environment; 0 in a browser. */
function debugLevel(): number {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return Number(process?.env?.DEBUG ?? 0) || 0;
}
