// Training in the tab: a folder in COCO's format, a few settings, the loss as it falls, predictions on people
// that it does not train on where the folder has some, and the checkpoint as a download.
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  annotationFiles,
  coco17,
  drawModel,
  type FolderFile,
  openDataset,
  writeModel,
} from '../src/web/index.ts';
import type { TabProps } from './app.tsx';
import { download, FileButton, filesOfHandle, filesOfInput } from './files.tsx';
import { LossChart } from './lossChart.tsx';
import { ModelPanel, SizeSelect } from './modelPanel.tsx';
import { SampleView } from './sampleView.tsx';
import { TuneSession } from './tuneSession.ts';
import { limits, problemOf, type TuneForm, usualForm } from './tuneSettings.ts';

interface Folder {
  readonly files: readonly FolderFile[];
  readonly annotations: readonly FolderFile[];
}

interface Choice {
  /** Paths of annotation files. */
  readonly train: string;
  readonly shown: string;
  readonly start: 'loaded' | 'drawn';
}

export function FineTuneTab({ model, onModel, onError, hidden }: TabProps) {
  const [folder, setFolder] = useState<Folder>();
  const [choice, setChoice] = useState<Choice>({ train: '', shown: '', start: 'drawn' });
  const [form, setForm] = useState<TuneForm>(usualForm);
  const [session, setSession] = useState<TuneSession>();
  const [, setTick] = useState(0);
  const [opening, setOpening] = useState(false);
  const running = useRef<TuneSession | undefined>(undefined);
  useEffect(() => {
    if (!model) return;
    setChoice((now) => ({ ...now, start: 'loaded' }));
    setForm((now) => ({ ...now, inputSize: model.model.inputSize }));
  }, [model]);

  const takeFolder = (files: readonly FolderFile[]) => {
    const annotations = annotationFiles(files);
    if (annotations.length === 0) {
      return onError(
        `This folder of ${files.length} files holds no .json file. Choose one with annotations/person_keypoints_*.json and the pictures.`,
      );
    }
    const find = (part: RegExp) => annotations.find(({ path }) => part.test(path))?.path;
    const train = find(/train[^/]*$/i) ?? annotations[0]!.path;
    setFolder({ files, annotations });
    setChoice((now) => ({ ...now, train, shown: find(/(val|test)[^/]*$/i) ?? train }));
  };
  const start = async () => {
    const problem = problemOf(form);
    if (problem) return onError(problem);
    if (!folder) return;
    setOpening(true);
    try {
      await running.current?.close();
      const made = await openSession(
        folder,
        choice,
        form,
        model,
        () => setTick((t) => t + 1),
        onError,
      );
      running.current = made;
      setSession(made);
      made.start();
    } catch (error) {
      onError(error);
    } finally {
      setOpening(false);
    }
  };
  const active = session?.state === 'running' || session?.state === 'paused';
  useEffect(() => {
    if (!active) return;
    // Closing the tab would lose the training: the browser asks first.
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [active]);
  // On a narrow screen it begins far above the button that starts it.
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (session) section.current?.scrollIntoView({ block: 'nearest' });
  }, [session]);
  return (
    <>
      <section
        id="panel-tune"
        role="tabpanel"
        aria-labelledby="tab-tune"
        hidden={hidden}
        ref={section}
      >
        {session ? (
          <SessionView session={session} onModel={onModel} onError={onError} />
        ) : (
          <div class="panel">
            <h2>Fine-tune in this tab</h2>
            <p>
              Choose a folder with annotations in COCO's format and their pictures, as{' '}
              <code>hrpose data synth</code> and <code>hrpose data download coco</code> write it.
              Training runs on this computer's GPU; nothing is uploaded. Download the checkpoint
              when you like it: <code>hrpose eval</code> reads it.
            </p>
          </div>
        )}
      </section>
      <aside hidden={hidden} aria-label="Model, data and settings">
        <ModelPanel model={model} onModel={onModel} onError={onError} />
        <div class="panel">
          <h2>Data</h2>
          <FolderButtons disabled={active} onFolder={takeFolder} onError={onError} />
          {folder && (
            <div class="fields">
              <PathSelect
                label="Train on"
                paths={folder.annotations}
                value={choice.train}
                disabled={active}
                onChange={(train) => setChoice({ ...choice, train })}
              />
              <PathSelect
                label="Show and score"
                paths={folder.annotations}
                value={choice.shown}
                disabled={active}
                onChange={(shown) => setChoice({ ...choice, shown })}
              />
            </div>
          )}
        </div>
        <div class="panel">
          <h2>Training</h2>
          <div class="fields">
            <label class="wide">
              Start from
              <select
                value={choice.start}
                disabled={active}
                onChange={({ currentTarget: { value } }) =>
                  setChoice({ ...choice, start: value as Choice['start'] })
                }
              >
                <option value="loaded" disabled={!model}>
                  {model ? model.name : 'the loaded model'}
                </option>
                <option value="drawn">random weights, HRNet-W18 small</option>
              </select>
            </label>
            <SizeSelect
              label="Input size"
              value={form.inputSize}
              disabled={active}
              onChange={(inputSize) => setForm({ ...form, inputSize })}
            />
            {(['batch', 'steps', 'learningRate', 'seed'] as const).map((key) => (
              <label key={key}>
                {key === 'learningRate' ? 'Learning rate' : key[0]!.toUpperCase() + key.slice(1)}
                <input
                  type="number"
                  name={key}
                  min={limits[key][0]}
                  max={limits[key][1]}
                  step={key === 'learningRate' ? 'any' : 1}
                  value={form[key]}
                  disabled={active}
                  onChange={({ currentTarget: { valueAsNumber } }) =>
                    setForm({ ...form, [key]: valueAsNumber })
                  }
                />
              </label>
            ))}
            <label class="check">
              <input
                type="checkbox"
                checked={form.augment}
                disabled={active}
                onChange={() => setForm({ ...form, augment: !form.augment })}
              />
              Augment
            </label>
          </div>
          <div class="row">
            <button
              type="button"
              class="main"
              disabled={!folder || active || opening}
              onClick={start}
            >
              {opening ? 'Reading …' : 'Start'}
            </button>
            <button
              type="button"
              disabled={!active}
              onClick={() => (session?.state === 'running' ? session.pause() : session?.start())}
            >
              {session?.state === 'paused' ? 'Go on' : 'Pause'}
            </button>
            <button type="button" disabled={!active} onClick={() => session?.stop()}>
              Stop
            </button>
          </div>
        </div>
      </aside>
    </>
  );
}

async function openSession(
  { files, annotations }: Folder,
  { train, shown, start }: Choice,
  form: TuneForm,
  open: TabProps['model'],
  onChange: () => void,
  onError: (error: unknown) => void,
): Promise<TuneSession> {
  const model =
    start === 'loaded' && open ? open.model : drawModel('hrnet-small', 18, coco17, form.seed);
  const options = { skeleton: model.skeleton, inputSize: form.inputSize };
  const at = (path: string) => annotations.find((file) => file.path === path)!;
  const dataset = await openDataset(files, at(train), options);
  const other = shown === train ? dataset : await openDataset(files, at(shown), options);
  const every = Math.max(1, Math.min(50, Math.round(form.steps / 20)));
  return new TuneSession({ form, model, dataset, shown: other, every, onChange, onError });
}

interface FolderButtonsProps {
  readonly disabled: boolean;
  readonly onFolder: (files: readonly FolderFile[]) => void;
  readonly onError: (error: unknown) => void;
}

function FolderButtons({ disabled, onFolder, onError }: FolderButtonsProps) {
  const pick = async () => {
    try {
      onFolder(await filesOfHandle(await window.showDirectoryPicker!()));
    } catch (error) {
      if ((error as DOMException).name !== 'AbortError') onError(error);
    }
  };
  return (
    <div class="row">
      {'showDirectoryPicker' in window ? (
        <button type="button" disabled={disabled} onClick={pick}>
          Choose folder …
        </button>
      ) : (
        <FileButton
          label="Choose folder …"
          folder
          disabled={disabled}
          onFiles={(files) => onFolder(filesOfInput(files))}
        />
      )}
    </div>
  );
}

interface PathSelectProps {
  readonly label: string;
  readonly paths: readonly FolderFile[];
  readonly value: string;
  readonly disabled: boolean;
  readonly onChange: (path: string) => void;
}

const PathSelect = ({ label, paths, value, disabled, onChange }: PathSelectProps) => (
  <label class="wide">
    {label}
    <select
      value={value}
      disabled={disabled}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    >
      {paths.map(({ path }) => (
        <option key={path} value={path}>
          {path.slice(sharedFolder(paths).length)}
        </option>
      ))}
    </select>
  </label>
);

/** The folder that all lie in, with its slash: names are told apart by their ends, and room is short. */
function sharedFolder(files: readonly FolderFile[]): string {
  const [first = '', ...others] = files.map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1));
  return others.every((folder) => folder === first) ? first : '';
}

const stateNames: Readonly<Record<TuneSession['state'], string>> = {
  preparing: 'preparing',
  running: 'training',
  paused: 'paused',
  stopped: 'stopped',
  done: 'done',
  failed: 'failed',
};

interface SessionViewProps extends Pick<TabProps, 'onModel' | 'onError'> {
  readonly session: TuneSession;
}

function SessionView({ session, onModel, onError }: SessionViewProps) {
  const { losses, options, state, imagesPerSecond, epoch, samples, score } = session;
  const { form, dataset, shown, model } = options;
  const name = `hrpose-step-${losses.length}`;
  const preparing = state === 'running' && losses.length === 0;
  const usable = losses.length > 0 && state !== 'failed';
  const save = async () => download(`${name}.safetensors`, writeModel(await session.model()));
  const use = async () => onModel({ name, model: await session.model(), knowsInputSize: true });
  const doing = (work: () => Promise<void>) => () => void work().catch(onError);
  return (
    <>
      <div class="panel">
        <h2>
          Loss{' '}
          <span class="quiet" role="status">
            {preparing ? 'preparing the network …' : stateNames[state]}
          </span>
        </h2>
        <progress max={form.steps} value={losses.length} aria-label="Steps done" />
        <LossChart losses={losses} steps={form.steps} />
        <dl>
          <dt>step</dt>
          <dd>
            {losses.length} of {form.steps} (epoch {epoch + 1})
          </dd>
          <dt>loss</dt>
          <dd>{losses.at(-1)?.toPrecision(4) ?? '–'}</dd>
          <dt>images/s</dt>
          <dd>{imagesPerSecond > 0 ? imagesPerSecond.toPrecision(3) : '–'}</dd>
          <dt>people</dt>
          <dd>
            {dataset.records.length}
            {dataset.withoutPicture > 0 &&
              ` (${dataset.withoutPicture} left out: picture not in the folder)`}
          </dd>
          {score && (
            <>
              <dt>AP on {score.total} people</dt>
              <dd>{score.ap?.toFixed(4) ?? `${score.people} done …`}</dd>
            </>
          )}
        </dl>
        <div class="row">
          <button type="button" disabled={!usable} onClick={doing(save)}>
            Download checkpoint
          </button>
          <button type="button" disabled={!usable} onClick={doing(() => session.evaluate())}>
            Score
          </button>
          <button type="button" disabled={!usable} onClick={doing(use)}>
            Use in Try
          </button>
        </div>
      </div>
      <div class="panel">
        <h2>
          Predictions{' '}
          <span class="quiet">
            white: labelled; colours: predicted,{' '}
            {options.every === 1 ? 'at every step' : `every ${options.every} steps`}
          </span>
        </h2>
        <div class="samples">
          {samples.map((sample) => (
            <SampleView key={sample.index} dataset={shown} model={model} sample={sample} />
          ))}
        </div>
      </div>
    </>
  );
}
