// npm run plans: writes the compiled graphs of HRNet-W32 and their memory plans as text, so that a
// refactor can be seen to leave them as they are, and says of what the fullest moment consists.
// Arguments: [folder], output/plans by default.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNullBackend } from '../src/backends/null/index.ts';
import type { Graph } from '../src/graph/graph.ts';
import { printGraph } from '../src/graph/print.ts';
import { hrnetConfig } from '../src/models/hrnetConfigs.ts';
import { inferenceGraph, trainingGraph } from '../src/models/poseGraphs.ts';
import { usualTraining } from '../src/models/usualTraining.ts';
import { compileInference, compileTraining } from '../src/passes/compile.ts';
import { peakMemory } from '../src/passes/peakMemory.ts';

const folder = process.argv[2] ?? join('output', 'plans');
const config = hrnetConfig('hrnet', 32, 17);
const options = usualTraining({ width: 288, height: 384 }, 4);
const training = trainingGraph(config, options);

const graphs: Record<string, Graph> = {
  'hrnet-w32-inference': compileInference(inferenceGraph(config, options)).graph,
  'hrnet-w32-training': compileTraining(training),
  'hrnet-w32-training-recompute': compileTraining(training, { lean: true }),
};

function describePeak(graph: Graph): string {
  const { bytes, node, live } = peakMemory(graph);
  const megabytes = (n: number) => `${(n / 1e6).toFixed(1)} MB`;
  const parts = [...live].map(([op, n]) => `${op} ${megabytes(n)}`).join(', ');
  return `${megabytes(bytes)} at most, at ${node} '${graph.nodes[node]!.name}': ${parts}`;
}

mkdirSync(folder, { recursive: true });
const backend = createNullBackend();
for (const [name, graph] of Object.entries(graphs)) {
  const program = backend.prepare(graph);
  writeFileSync(join(folder, `${name}.graph.txt`), printGraph(graph));
  writeFileSync(join(folder, `${name}.plan.txt`), program.describe());
  const [summary] = program.describe().split('\n');
  process.stdout.write(`${name}: ${graph.nodes.length} nodes, ${summary}\n`);
  process.stdout.write(`  ${describePeak(graph)}\n`);
}
process.stdout.write(`Written to ${folder}\n`);
