// Runs one after the other, for backends whose programs are where the host is.
import type { Outputs, Run } from './backend.ts';

export async function runInTurn(runs: readonly Run[]): Promise<readonly Outputs[]> {
  const outputs: Outputs[] = [];
  for (const { program, feeds } of runs) outputs.push(await program.run(feeds));
  return outputs;
}
