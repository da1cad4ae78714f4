// A graph as text, one node a line: the form that tests and `npm run plans` compare.
import { type Graph, showShape, type Value } from './graph.ts';

const show = (value: Value) => `%${value.id}${showShape(value.shape)}`;

function showAttrs(attrs: object): string {
  const parts = Object.entries(attrs).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return parts.length === 0 ? '' : ` {${parts.join(', ')}}`;
}

export function printGraph(graph: Graph): string {
  const value = (id: number) => show(graph.values[id]!);
  const lines = [
    ...graph.feeds.map(
      (id) => `feed ${value(id)} ${graph.values[id]!.dtype} '${graph.values[id]!.name}'`,
    ),
    ...graph.states.map(
      (s) =>
        `state ${value(s.value)} '${s.name}' ${s.role}${s.next === undefined ? '' : ` <- %${s.next}`}`,
    ),
    ...graph.nodes.map((node) => {
      const inputs = node.inputs.map((id) => `%${id}`).join(', ');
      return `${node.outputs.map(value).join(', ')} = ${node.op}(${inputs})${showAttrs(node.attrs)} '${node.name}'`;
    }),
    ...graph.outputs.map((o) => `output '${o.name}' %${o.value}`),
  ];
  return `${lines.join('\n')}\n`;
}
