// A worker thread that draws pictures and writes them: it is sent picture numbers and answers each
// with what an annotation file needs.
import { parentPort, workerData } from 'node:worker_threads';
import { createPictureWriter, type PictureJob, type WriterSettings } from './pictureWriter.ts';

const write = createPictureWriter(workerData as WriterSettings);
const port = parentPort!;
port.on('message', (job: PictureJob) => {
  write(job).then(
    (picture) => port.postMessage({ picture }),
    (error: NodeJS.ErrnoException) =>
      port.postMessage({ failure: { message: error.message, code: error.code } }),
  );
});
