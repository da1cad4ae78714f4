// The null backend: prepares, plans and prints, and computes nothing. Plans are looked at and
// compared as text with it, on machines that could not run the graph.
import { elementCount, type Graph, type Shape } from '../../graph/graph.ts';
import { lifetimes, valueBytes } from '../../passes/lifetimes.ts';
import { planMemory } from '../../passes/planMemory.ts';
import type { Backend, Program, StateStore } from '../backend.ts';
import { feedFor } from '../feeds.ts';
import { runInTurn } from '../inTurn.ts';
import { expectState, expectValues } from '../namedStates.ts';

export function createNullBackend(): Backend {
  return {
    name: 'null',
    activationBytes: 4,
    memory: 'host',
    availableBytes: () => Number.POSITIVE_INFINITY,
    createStates: createNullStates,
    prepare(graph, { states } = {}) {
      const store = (states as NullStates | undefined) ?? createNullStates();
      return prepare(graph, store);
    },
    runInTurn,
    close() {},
  };
}

interface NullStates extends StateStore {
  add(name: string, shape: Shape): void;
}

/** Knows names and shapes; what is written is forgotten, what is read is zero. */
function createNullStates(): NullStates {
  const shapes = new Map<string, Shape>();
  const find = (name: string) => expectState(name, shapes.get(name));
  return {
    add: (name, shape) => {
      if (!shapes.has(name)) shapes.set(name, shape);
    },
    shapes: () => new Map(shapes),
    read: async (name) => new Float32Array(elementCount(find(name))),
    write: (name, values) => expectValues(name, find(name), values),
    close: () => shapes.clear(),
  };
}

function prepare(graph: Graph, states: NullStates): Program {
  for (const { name, value } of graph.states) states.add(name, graph.values[value]!.shape);
  const plan = planValues(graph);
  return {
    states,
    async run(feeds) {
      for (const id of graph.feeds) feedFor(graph.values[id]!, feeds);
      return Object.fromEntries(
        graph.outputs.map(({ name, value }) => [
          name,
          new Float32Array(elementCount(graph.values[value]!.shape)),
        ]),
      );
    },
    profile: async () =>
      graph.nodes.map(({ name, op }) => ({
        label: name,
        kind: op,
        implementation: 'none',
        milliseconds: 0,
      })),
    describe: () => printPlan(graph, plan),
    bytes: plan.arenaBytes,
    close() {},
  };
}

function planValues(graph: Graph) {
  const lives = lifetimes(graph);
  const { offsets, arenaBytes, lowerBound } = planMemory(lives);
  return {
    offsets: new Map(lives.map(({ value }, i) => [value, offsets[i]!])),
    arenaBytes,
    lowerBound,
  };
}

/** One line a node: where each tensor lies, 's' for states, which lie elsewhere. */
function printPlan(
  graph: Graph,
  { offsets, arenaBytes, lowerBound }: ReturnType<typeof planValues>,
): string {
  const stateBytes = graph.states.reduce((sum, s) => sum + valueBytes(graph.values[s.value]!), 0);
  const place = (id: number) => `%${id}@${offsets.get(id) ?? 's'}`;
  const list = (ids: readonly number[]) => ids.map(place).join(' ');
  return [
    `arena ${arenaBytes} bytes (lower bound ${lowerBound}), states ${stateBytes} bytes`,
    ...graph.feeds.map((id) => `feed '${graph.values[id]!.name}' ${place(id)}`),
    ...graph.nodes.map(({ op, name, inputs, outputs }) => {
      return `${op} '${name}' ${list(inputs)} -> ${list(outputs)}`;
    }),
    '',
  ].join('\n');
}
