// A model on a picture or the camera: the whole frame or boxes drawn by hand, skeletons, heatmaps, scores.
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  type Box,
  openBitmap,
  type Pose,
  type PoseModel,
  type RgbImage,
  rgbOf,
} from '../src/web/index.ts';
import type { TabProps } from './app.tsx';
import { type Camera, openCamera } from './camera.ts';
import { FileButton, useDrop } from './files.tsx';
import { isModelFile, ModelPanel, openModelFile } from './modelPanel.tsx';
import { PosePanel } from './posePanel.tsx';
import { type ShownPicture, Stage } from './stage.tsx';
import { usePipeline } from './usePipeline.ts';

interface OpenPicture extends ShownPicture {
  readonly image: RgbImage;
}

interface Found {
  readonly poses: readonly Pose[];
  readonly milliseconds: number;
  /** Preparing the network is part of the time. */
  readonly first: boolean;
}

export function TryTab({ model: open, onModel, onError, hidden }: TabProps) {
  const model = open?.model;
  const [picture, setPicture] = useState<OpenPicture>();
  const [camera, setCamera] = useState<Camera>();
  const [boxes, setBoxes] = useState<readonly Box[]>([]);
  const [selected, setSelected] = useState<number>();
  const [asked, setAsked] = useState<readonly Box[]>([]);
  const [view, setView] = useState({ heatmaps: false, flip: false });
  const [only, setOnly] = useState<number>();
  const section = useRef<HTMLElement>(null);
  const estimate = useEstimate(onError);
  const { found, busy } = estimate;

  const showFile = async (file: File) => {
    const bitmap = await openBitmap(file, { honourExif: true });
    const { width, height } = bitmap;
    stopCamera();
    forget();
    setPicture({ source: bitmap, width, height, image: rgbOf(bitmap, width, height) });
  };
  const forget = () => {
    setBoxes([]);
    setAsked([]);
    setSelected(undefined);
    estimate.clear();
  };
  const take = (files: readonly File[]) => {
    for (const file of files) {
      if (isModelFile(file)) openModelFile(file).then(onModel, onError);
      else showFile(file).catch(onError);
    }
  };
  const stopCamera = () => {
    camera?.stop();
    setCamera(undefined);
  };
  const toggleCamera = () => {
    if (camera) return stopCamera();
    forget();
    openCamera().then(setCamera, onError);
  };

  // Before the next question: it would be dropped with the others.
  useEffect(() => estimate.clear(), [model]);
  useEffect(() => {
    if (model && picture && !camera) estimate.ask(model, picture.image, asked, view.flip);
  }, [model, picture, asked, view.flip, camera]);
  useCameraLoop(camera, setPicture, async (image) => {
    if (model) await estimate.ask(model, image, asked, view.flip);
  });
  usePaste(hidden, take);
  const over = useDrop(take);

  return (
    <>
      <section
        id="panel-try"
        role="tabpanel"
        aria-labelledby="tab-try"
        hidden={hidden}
        ref={section}
      >
        <div class={over ? 'stage over' : 'stage'}>
          {picture ? (
            <Stage
              picture={picture}
              model={found && model}
              poses={found?.poses ?? []}
              boxes={boxes}
              selected={selected}
              onBoxes={(next, index, done) => {
                setBoxes(next);
                setSelected(index);
                if (done) setAsked(next);
              }}
              heatmaps={view.heatmaps}
              only={only}
            />
          ) : (
            <p class="empty">
              Drop a picture here, paste one, or open a file.
              <br />
              Then drag to draw boxes around people; without a box the whole frame is one.
            </p>
          )}
        </div>
        <div class="row">
          <FileButton label="Open picture …" accept="image/*" onFiles={take} />
          <button type="button" aria-pressed={camera !== undefined} onClick={toggleCamera}>
            {camera ? 'Stop camera' : 'Camera'}
          </button>
          <button type="button" disabled={!picture} onClick={() => picture && addBox(picture)}>
            Add box
          </button>
          <button type="button" disabled={boxes.length === 0} onClick={wholeFrame}>
            Whole frame
          </button>
          <label class="check">
            <input
              type="checkbox"
              checked={view.heatmaps}
              onChange={() => setView({ ...view, heatmaps: !view.heatmaps })}
            />
            Heatmaps
          </label>
          <label
            class="check"
            title="Looks at the mirrored crop as well: slower, a little more accurate"
          >
            <input
              type="checkbox"
              checked={view.flip}
              onChange={() => setView({ ...view, flip: !view.flip })}
            />
            Flip test
          </label>
          <span class="quiet" role="status">
            {status(model, picture, found, busy)}
            {found &&
              asked.length === 0 &&
              !camera &&
              ' Taken whole, as one person: drag a box around each.'}
          </span>
        </div>
      </section>
      <aside hidden={hidden} aria-label="Model and keypoints">
        <ModelPanel model={open} onModel={onModel} onError={onError} />
        {model && found && found.poses.length > 0 && (
          <PosePanel
            skeleton={model.skeleton}
            poses={found.poses}
            selected={selected}
            onSelect={setSelected}
            onKeypoint={setOnly}
            heatmaps={view.heatmaps}
          />
        )}
      </aside>
    </>
  );

  function addBox({ width, height }: ShownPicture): void {
    const next = [...boxes, [width / 4, height / 8, width / 2, (height * 3) / 4] as const];
    setBoxes(next);
    setAsked(next);
    setSelected(next.length - 1);
    // So that the arrow keys move it at once.
    section.current?.querySelector('canvas')?.focus();
  }

  function wholeFrame(): void {
    setBoxes([]);
    setAsked([]);
    setSelected(undefined);
  }
}

function status(
  model: PoseModel | undefined,
  picture: ShownPicture | undefined,
  found: Found | undefined,
  busy: boolean,
): string {
  if (!picture) return '';
  if (!model) return 'Open weights to look for people.';
  if (busy && !found) return 'Preparing the network …';
  if (!found) return '';
  const people = found.poses.length === 1 ? '1 pose' : `${found.poses.length} poses`;
  return `${people} in ${found.milliseconds.toFixed(0)} ms${found.first ? ', with preparing the network' : ''}.`;
}

/** Runs the network over what was asked for last; a question that is outrun is dropped. */
function useEstimate(onError: (error: unknown) => void) {
  const withPipeline = usePipeline();
  const [found, setFound] = useState<Found>();
  const [busy, setBusy] = useState(false);
  const latest = useRef(0);
  const queue = useRef<Promise<unknown>>(Promise.resolve());
  const prepared = useRef<PoseModel | undefined>(undefined);
  const ask = (model: PoseModel, image: RgbImage, boxes: readonly Box[], flip: boolean) => {
    const number = ++latest.current;
    const run = async () => {
      if (number !== latest.current) return;
      setBusy(true);
      const start = performance.now();
      const people = boxes.map((box) => ({ box, score: 1 }));
      const poses = await withPipeline(model, flip, (pipeline) =>
        pipeline.add(image, people.length > 0 ? people : undefined),
      );
      const first = prepared.current !== model;
      prepared.current = model;
      if (number !== latest.current) return;
      setFound({ poses, milliseconds: performance.now() - start, first });
    };
    const done = queue.current
      .then(run)
      .catch(onError)
      .finally(() => setBusy(false));
    queue.current = done;
    return done;
  };
  const clear = () => {
    latest.current++;
    setFound(undefined);
  };
  return { found, busy, ask, clear };
}

/** While the camera is on: a frame is shown when the network is done with it, then the next is taken. */
function useCameraLoop(
  camera: Camera | undefined,
  show: (picture: OpenPicture) => void,
  look: (image: RgbImage) => Promise<void>,
): void {
  const lookNow = useRef(look);
  lookNow.current = look;
  useEffect(() => {
    if (!camera) return;
    let on = true;
    const loop = async () => {
      while (on) {
        const { picture, image } = camera.grab();
        await lookNow.current(image);
        if (on) show({ ...picture, image });
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    };
    loop();
    return () => {
      on = false;
    };
  }, [camera]);
}

function usePaste(hidden: boolean, take: (files: readonly File[]) => void): void {
  useEffect(() => {
    if (hidden) return;
    const onPaste = ({ clipboardData }: ClipboardEvent) => take([...(clipboardData?.files ?? [])]);
    addEventListener('paste', onPaste);
    return () => removeEventListener('paste', onPaste);
  });
}
