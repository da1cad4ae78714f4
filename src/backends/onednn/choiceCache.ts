// The file that keeps measured choices between processes: one for each CPU model, number of threads
// and version of the library. A file that cannot be read is as good as none; it is written anew.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { convAlgorithm } from './dnnl2.ts';
import type { ConvChoice, ConvChoices } from './search.ts';

const entry = z.object({
  algorithm: z.enum(Object.keys(convAlgorithm) as (keyof typeof convAlgorithm)[]),
  layout: z.enum(['blocked', 'channelsLast']),
  milliseconds: z.number(),
});
const fileSchema = z.object({ format: z.literal(1), choices: z.record(z.string(), entry) });
type Entries = z.infer<typeof fileSchema>['choices'];

/** Folder for what can be made again: $HRPOSE_CACHE, else the user's cache folder. */
export const cacheFolder = (env = process.env): string =>
  env.HRPOSE_CACHE ?? join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hrpose');

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

  /** How many shapes were measured since the last save. */
  get measured(): number {
    return this.#fresh.size;
  }

  /** Adds what is new to the file. A folder that cannot be written costs the next start its time, no more. */
  save(): void {
    if (this.#fresh.size === 0) return;
    for (const [key, value] of this.#fresh) this.#known.set(key, value);
    this.#fresh.clear();
    const choices = { ...readEntries(this.#file), ...Object.fromEntries(this.#known) };
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      const temporary = `${this.#file}.${process.pid}`;
      writeFileSync(temporary, `${JSON.stringify({ format: 1, choices }, null, 1)}\n`);
      renameSync(temporary, this.#file);
    } catch {
      // Read-only home, full disk: the choices stay in this process.
    }
  }
}

function readEntries(file: string): Entries {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).choices;
  } catch {
    return {};
  }
}
