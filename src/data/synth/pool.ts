// Spreads pictures over worker threads. Which thread draws a picture makes no difference to it.
import type { Worker } from 'node:worker_threads';
import { spawnWorker } from '../../spawnWorker.ts';
import type { WrittenPicture } from './cocoFile.ts';
import { createPictureWriter, type PictureJob, type WriterSettings } from './pictureWriter.ts';

interface Answer {
  readonly picture?: WrittenPicture;
  readonly failure?: { readonly message: string; readonly code?: string };
}

/** `.ts` run from source, `.js` built. */
const workerUrl = () =>
  new URL(`./synthWorker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** Writes every picture asked for, in any order; with no workers in this thread. */
export async function writePictures(
  jobs: readonly PictureJob[],
  settings: WriterSettings,
  workers: number,
  onPicture: (job: PictureJob, picture: WrittenPicture) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (workers === 0) {
    const write = createPictureWriter(settings);
    for (const job of jobs) {
      signal?.throwIfAborted();
      onPicture(job, await write(job));
    }
    return;
  }
  let next = 0;
  const threads: Worker[] = [];
  try {
    await Promise.all(
      Array.from({ length: Math.min(workers, jobs.length) }, async () => {
        const thread = spawnWorker(workerUrl(), settings);
        threads.push(thread);
        while (next < jobs.length) {
          signal?.throwIfAborted();
          const job = jobs[next++]!;
          onPicture(job, await ask(thread, job));
        }
      }),
    );
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

/** One job's answer, or the error that ended the thread. */
function ask(thread: Worker, job: PictureJob): Promise<WrittenPicture> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = ({ picture, failure }: Answer) =>
      settle(() =>
        picture
          ? resolve(picture)
          : reject(Object.assign(new Error(failure?.message), { code: failure?.code })),
      );
    const onError = (error: unknown) => settle(() => reject(error));
    const onExit = (code: number) =>
      settle(() => reject(new Error(`data synth: a worker thread ended early with code ${code}`)));
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(job);
  });
}
