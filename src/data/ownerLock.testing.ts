// A worker that takes every lock it can get, at the same time as others. Each has its own copy of what it
// holds, as processes have.
import { parentPort, workerData } from 'node:worker_threads';
import { takeLock } from './ownerLock.ts';

export interface Contest {
  readonly files: readonly string[];
  /** [1] workers that are not ready yet. */
  readonly waiting: Int32Array;
}

const { files, waiting } = workerData as Contest;
Atomics.sub(waiting, 0, 1);
while (Atomics.load(waiting, 0) > 0);
parentPort!.postMessage(files.filter((file) => takeLock(file)));
