// The one GPU of the page: opened when it is first needed, opened again when it was lost, and shared by all.
import { createGpuBackend, type Gpu, isDeviceLost, openWebGpu } from '../src/web/index.ts';

export type Backend = ReturnType<typeof createGpuBackend>;

/** What may be said of the device. */
export interface DeviceState {
  /** Undefined while there is none. */
  readonly name?: string;
  /** Why none could be opened. */
  readonly missing?: string;
  /** What became of the one before, until somebody has read it. */
  readonly lost?: string | undefined;
}

let state: DeviceState = {};
let listener: (state: DeviceState) => void = () => {};
let opened: Promise<Backend> | undefined;

export function engine(): Promise<Backend> {
  if (!opened) {
    opened = open().then((gpu) => createGpuBackend(gpu, { reopen: open }));
    opened.catch((problem) => {
      opened = undefined;
      tell({ missing: inPlainWords(problem) });
    });
  }
  return opened;
}

async function open(): Promise<Gpu> {
  const gpu = await openWebGpu();
  const { name, software } = gpu.adapter;
  tell({ ...state, name: software ? `${name} (computes on the CPU)` : name });
  gpu.device.lost.then(({ reason, message }) =>
    tell({ lost: (message || reason).replace(/\.$/, '') }),
  );
  return gpu;
}

/** Does the work; where the device is lost meanwhile, once more on another one. */
export async function onDevice<T>(work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await engine();
  try {
    return await work(backend);
  } catch (error) {
    if (!isDeviceLost(error)) throw error;
    await backend.renew!();
    return work(backend);
  }
}

/** Hears of the device from now on. */
export function watchDevice(hear: (state: DeviceState) => void): void {
  listener = hear;
  hear(state);
}

/** Somebody has read what became of the device before. */
export const forgetLoss = (): void => tell({ ...state, lost: undefined });

function tell(now: DeviceState): void {
  state = now;
  listener(state);
}

/** The error as it may stand in the page: what the page has no flags for is left out. */
export function inPlainWords(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(
      / Go on from the last checkpoint with --resume; (if it .*) or --device cpu\./,
      ' Try again; $1 or picture size.',
    )
    .replace(/, --recompute or --device cpu\./, ' or picture size.')
    .replace(/(,? or)? ?(use|Use|compute) (--device cpu|on the CPU)\./, '');
}
