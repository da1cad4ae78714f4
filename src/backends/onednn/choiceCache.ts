// The file that keeps measured choices between processes: one for each CPU model, number of threads
// and version of the library.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheFolder } from '../../cacheFolder.ts';
import { readKept, writeKept } from '../../keptFile.ts';
import { convAlgorithm } from './dnnl2.ts';
import type { ConvChoice, ConvChoices } from './search.ts';

const entry = z.object({
  algorithm: z.enum(Object.keys(convAlgorithm) as (keyof typeof convAlgorithm)[]),
  layout: z.enum(['blocked', 'channelsLast']),
  milliseconds: z.number(),
});
const fileSchema = z.object({ format: z.literal(1), choices: z.record(z.string(), entry) });
type Entries = z.infer<typeof fileSchema>['choices'];

/** Where choices of this machine's CPU lie. */
export function choiceFile(threads: number, version: string): string {
  const cpu = (cpus()[0]?.model ?? 'unknown').trim().replace(/[^A-Za-z0-9]+/g, '-');
  return join(cacheFolder(), 'convolutions', `${cpu}-${threads}-threads-onednn-${version}.json`);
}

export class ChoiceCache implements ConvChoices {
  readonly #file: string;
  readonly #known: Map<string, Entries[string]>;
  readonly #fresh = new Map<string, Entries[string]>();

  /** With `ignoreKept` every shape is measured again. */
  constructor(file: string, ignoreKept: boolean) {
    this.#file = file;
    this.#known = new Map(Object.entries(ignoreKept ? {} : readEntries(file)));
  }

  find(key: string): ConvChoice | undefined {
    return this.#fresh.get(key) ?? this.#known.get(key);
  }

  keep(key: string, choice: ConvChoice, milliseconds: number): void {
    this.#fresh.set(key, { ...choice, milliseconds: Number(milliseconds.toPrecision(4)) });
  }

  /** Adds what is new to the file. A folder that cannot be written costs the next start its time, no more. */
  save(): void {
    if (this.#fresh.size === 0) return;
    for (const [key, value] of this.#fresh) this.#known.set(key, value);
    this.#fresh.clear();
    const choices = { ...readEntries(this.#file), ...Object.fromEntries(this.#known) };
    try {
      writeKept(this.#file, { format: 1, choices });
    } catch {
      // Read-only home, full disk: the choices stay in this process.
    }
  }
}

const readEntries = (file: string): Entries => readKept(file, fileSchema)?.choices ?? {};
