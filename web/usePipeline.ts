// The prepared network of the model in use: made when it is first asked for, closed when the model changes.
import { useEffect, useRef } from 'preact/hooks';
import { isDeviceLost, type PoseModel, PosePipeline } from '../src/web/index.ts';
import { type Backend, onDevice } from './engine.ts';

interface Prepared {
  readonly model: PoseModel;
  readonly flip: boolean;
  readonly pipeline: Promise<PosePipeline>;
}

/** Gives the pipeline of a model to work with, one call after the other; what failed is dropped and made anew. */
export function usePipeline() {
  const prepared = useRef<Prepared | undefined>(undefined);
  useEffect(() => () => void close(prepared.current), []);
  const open = async (backend: Backend, model: PoseModel, flip: boolean) => {
    const known = prepared.current;
    if (known?.model === model && known.flip === flip) return known.pipeline;
    await close(known);
    const options = { batch: 1, flip, eager: true, keepHeatmaps: true };
    const pipeline = PosePipeline.open({ backend, model, ...options });
    prepared.current = { model, flip, pipeline };
    return pipeline;
  };
  return <T>(model: PoseModel, flip: boolean, work: (pipeline: PosePipeline) => Promise<T>) =>
    onDevice(async (backend) => {
      try {
        return await work(await open(backend, model, flip));
      } catch (error) {
        void close(prepared.current);
        prepared.current = undefined;
        throw error;
      }
    });
}

async function close(prepared: Prepared | undefined): Promise<void> {
  try {
    await (await prepared?.pipeline)?.close();
  } catch (error) {
    // A pipeline that never opened, or whose device is gone, holds nothing.
    if (!isDeviceLost(error)) console.warn(error);
  }
}
