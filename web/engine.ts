// The one GPU of the page, opened when it is first needed and again when it was lost.
import { createGpuBackend, type Gpu, openWebGpu } from '../src/web/index.ts';

export interface Engine {
  readonly gpu: Gpu;
  readonly backend: ReturnType<typeof createGpuBackend>;
}

let opened: Promise<Engine> | undefined;

export function engine(): Promise<Engine> {
  opened ??= openWebGpu().then((gpu) => {
    gpu.device.lost.then(forget);
    return { gpu, backend: createGpuBackend(gpu, { reopen: openWebGpu }) };
  });
  opened.catch(forget);
  return opened;
}

function forget(): void {
  opened = undefined;
}

/** The error as it may stand in the page: what the page has no flags for is left out. */
export function inPlainWords(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/ Go on from the last checkpoint with --resume; .*$/, ' Load the model again.')
    .replace(/, --recompute or --device cpu\./, ' or picture size.')
    .replace(/(,? or)? ?(use|Use|compute) (--device cpu|on the CPU)\./, '');
}
