// Runs the real program, for tests of what a person sees of it.
import { type ChildProcess, type SpawnOptionsWithoutStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../packageRoot.ts';

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface ProgramOptions extends SpawnOptionsWithoutStdio {
  /** May feed and signal the program; `text` gives what it has printed so far. */
  readonly during?: (child: ChildProcess, text: () => string) => void;
}

/** `hrpose ARGS` to its end. This process goes on meanwhile: a test may have a server in it. */
export function runProgram(
  args: readonly string[],
  { during, ...options }: ProgramOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/hrpose.js'), ...args], options);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  during?.(child, () => out);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}
