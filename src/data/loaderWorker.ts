// A worker thread of the loader: takes samples of a pass and fills them in until none are left.
import { parentPort, workerData } from 'node:worker_threads';
import { HrposeError } from '../errors.ts';
import { batchAt } from './batchSlots.ts';
import { type BadImage, fillPosition, type SampleSource } from './fillSample.ts';
import { configureImageDecoding } from './image.ts';
import {
  batchSizeOf,
  finishSample,
  type LoaderPass,
  slotOf,
  takeSample,
  type WorkerMessage,
  waitForSlot,
} from './loaderPass.ts';

const source = workerData as SampleSource;
const post = (message: WorkerMessage) => parentPort?.postMessage(message);
const onBadImage = (bad: BadImage) => post({ kind: 'skipped', bad });

async function work(pass: LoaderPass): Promise<void> {
  let batch = 0;
  for (;;) {
    const sample = takeSample(pass);
    if (sample === undefined) break;
    while (pass.starts[batch + 1] <= sample) batch++;
    if (!waitForSlot(pass, batch)) break;
    const success = await fill(pass, batch, sample - pass.starts[batch]);
    if (finishSample(pass, batch, success)) post({ kind: 'ready', batch });
  }
  post({ kind: 'idle' });
}

async function fill(pass: LoaderPass, batch: number, position: number): Promise<boolean> {
  const target = batchAt(pass.slots, slotOf(pass, batch), batchSizeOf(pass, batch));
  const order = pass.order.subarray(pass.starts[batch], pass.starts[batch + 1]);
  try {
    await fillPosition(source, target, order, pass.epoch, position, onBadImage);
    return true;
  } catch (error) {
    if (!(error instanceof HrposeError)) throw error;
    post({ kind: 'failed', batch, position, message: error.message });
    return false;
  }
}

configureImageDecoding();
parentPort?.on('message', work);
