// The prepared network of the model in use: made when it is first asked for, closed when the model changes.
import { useEffect, useRef } from 'preact/hooks';
import { isDeviceLost, type PoseModel, PosePipeline } from '../src/web/index.ts';
import { engine } from './engine.ts';

interface Prepared {
  readonly model: PoseModel;
  readonly flip: boolean;
  readonly pipeline: Promise<PosePipeline>;
}

/** Gives the pipeline for a model, one call after the other; what failed is dropped and made anew. */
export function usePipeline() {
  const prepared = useRef<Prepared | undefined>(undefined);
  useEffect(() => () => close(prepared.current), []);
  const open = async (model: PoseModel, flip: boolean): Promise<PosePipeline> => {
    const known = prepared.current;
    if (known?.model === model && known.flip === flip) return known.pipeline;
    await close(known);
    const pipeline = engine().then(({ backend }) =>
      PosePipeline.open({ backend, model, batch: 1, flip, eager: true, keepHeatmaps: true }),
    );
    prepared.current = { model, flip, pipeline };
    return pipeline;
  };
  const drop = () => {
    void close(prepared.current);
    prepared.current = undefined;
  };
  return { open, drop };
}

async function close(prepared: Prepared | undefined): Promise<void> {
  try {
    await (await prepared?.pipeline)?.close();
  } catch (error) {
    // A pipeline that never opened, or whose device is gone, holds nothing.
    if (!isDeviceLost(error)) console.warn(error);
  }
}
