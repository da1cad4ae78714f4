// Starts a worker thread from a module of this project, run from source or built.
import { Worker } from 'node:worker_threads';

/**
 * A worker that runs the module at `url`. A `.ts` module is loaded through tsx, which a worker
 * thread does not inherit from the main thread; a `.js` module is loaded as it is.
 */
export function spawnWorker(url: URL, workerData?: unknown): Worker {
  if (!url.pathname.endsWith('.ts')) return new Worker(url, { workerData });
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(url.href);
  const bootstrap = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); });`;
  return new Worker(bootstrap, { eval: true, execArgv: [], workerData });
}
