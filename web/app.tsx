// The page: two tabs that share the device, the model and the place where errors are shown.
import { useEffect, useState } from 'preact/hooks';
import type { ReadModel } from '../src/web/index.ts';
import { engine, inPlainWords } from './engine.ts';
import { FineTuneTab } from './fineTuneTab.tsx';
import { TryTab } from './tryTab.tsx';

/** The model in use and where it is from. */
export interface OpenModel extends ReadModel {
  readonly name: string;
}

export interface TabProps {
  readonly model: OpenModel | undefined;
  readonly onModel: (model: OpenModel) => void;
  readonly onError: (error: unknown) => void;
  readonly hidden: boolean;
}

const tabs = { try: 'Try', tune: 'Fine-tune' } as const;
type Tab = keyof typeof tabs;

export function App() {
  const [tab, setTab] = useState<Tab>(location.hash === '#tune' ? 'tune' : 'try');
  const [model, setModel] = useState<OpenModel>();
  const [error, setError] = useState<string>();
  const [device, setDevice] = useState<{ readonly name?: string; readonly missing?: string }>({});
  useEffect(() => {
    engine().then(
      ({ gpu: { adapter } }) =>
        setDevice({
          name: adapter.software ? `${adapter.name} (computes on the CPU)` : adapter.name,
        }),
      (problem) => setDevice({ missing: inPlainWords(problem) }),
    );
  }, []);
  const onModel = (opened: OpenModel) => {
    setModel(opened);
    setError(undefined);
  };
  const props = { model, onModel, onError: (e: unknown) => setError(inPlainWords(e)) };
  return (
    <>
      <header>
        <h1>hrpose</h1>
        <Tabs current={tab} onChange={setTab} />
        <span class="device">
          {device.name ?? (device.missing ? 'no WebGPU' : 'opening WebGPU …')}
        </span>
      </header>
      <main>
        {device.missing && (
          <div class="error" role="alert">
            {device.missing}
          </div>
        )}
        {error && (
          <div class="error" role="alert">
            {error}
            <button type="button" onClick={() => setError(undefined)}>
              Close
            </button>
          </div>
        )}
        <TryTab {...props} hidden={tab !== 'try'} />
        <FineTuneTab {...props} hidden={tab !== 'tune'} />
      </main>
    </>
  );
}

function Tabs({ current, onChange }: { current: Tab; onChange: (tab: Tab) => void }) {
  const choose = (tab: Tab) => {
    history.replaceState(null, '', `#${tab}`);
    onChange(tab);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    const other = current === 'try' ? 'tune' : 'try';
    choose(other);
    document.getElementById(`tab-${other}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="What to do" onKeyDown={onKeyDown}>
      {(Object.keys(tabs) as Tab[]).map((tab) => (
        <button
          type="button"
          role="tab"
          id={`tab-${tab}`}
          key={tab}
          aria-selected={tab === current}
          aria-controls={`panel-${tab}`}
          tabIndex={tab === current ? 0 : -1}
          onClick={() => choose(tab)}
        >
          {tabs[tab]}
        </button>
      ))}
    </div>
  );
}
