// The reference backend: plain loops in double precision, for every op, anywhere JavaScript runs.
// It is what other backends are held against; nothing in it is there for speed.
import type { Graph, Node } from '../../graph/graph.ts';
import { printGraph } from '../../graph/print.ts';
import type { Backend, Feeds, Program, StepProfile } from '../backend.ts';
import { feedFor } from '../feeds.ts';
import { runInTurn } from '../inTurn.ts';
import { createTensors, evaluateNode } from './evaluate.ts';
import { ReferenceStates } from './states.ts';
import type { Tensor } from './tensor.ts';

export function createReferenceBackend(): Backend {
  return {
    name: 'reference',
    activationBytes: 8,
    memory: 'host',
    availableBytes: () => Number.POSITIVE_INFINITY,
    createStates: () => new ReferenceStates(),
    prepare(graph, { states } = {}) {
      const store = (states as ReferenceStates | undefined) ?? new ReferenceStates();
      return prepare(graph, store, states === undefined);
    },
    runInTurn,
    close() {},
  };
}

/** The event loop is let through between nodes when this much time has passed. */
const breathMilliseconds = 12;

const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

function prepare(graph: Graph, states: ReferenceStates, ownsStates: boolean): Program {
  const tensors = createTensors(graph);
  for (const { name, value } of graph.states) {
    tensors[value] = states.tensor(name, graph.values[value]!.shape);
  }

  async function runNodes(after: (node: Node, milliseconds: number) => void): Promise<void> {
    let breath = performance.now();
    for (const node of graph.nodes) {
      const start = performance.now();
      evaluateNode(node, tensors);
      after(node, performance.now() - start);
      if (performance.now() - breath > breathMilliseconds) {
        await breathe();
        breath = performance.now();
      }
    }
    // All new values are taken before any state changes.
    const fresh = graph.states.flatMap(({ value, next }) =>
      next === undefined ? [] : [[tensors[value]!, tensors[next]!.data.slice()] as const],
    );
    for (const [state, data] of fresh) state.data.set(data);
  }

  return {
    states,
    async run(feeds) {
      takeFeeds(graph, tensors, feeds);
      await runNodes(() => {});
      return Object.fromEntries(
        graph.outputs.map(({ name, value }) => [name, Float32Array.from(tensors[value]!.data)]),
      );
    },
    async profile(feeds) {
      takeFeeds(graph, tensors, feeds);
      const rows: StepProfile[] = [];
      await runNodes(({ name, op }, milliseconds) => {
        rows.push({ label: name, kind: op, implementation: 'loops', milliseconds });
      });
      return rows;
    },
    describe: () => printGraph(graph),
    bytes: tensors.reduce((sum, { data }) => sum + data.byteLength, 0),
    close() {
      if (ownsStates) states.close();
    },
  };
}

function takeFeeds(graph: Graph, tensors: readonly Tensor[], feeds: Feeds): void {
  for (const id of graph.feeds) tensors[id]!.data.set(feedFor(graph.values[id]!, feeds));
}
