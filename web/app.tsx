// The page: two tabs that share the device, the model and the place where errors are shown.
import { useEffect, useState } from 'preact/hooks';
import type { ReadModel } from '../src/web/index.ts';
import { type DeviceState, engine, forgetLoss, inPlainWords, watchDevice } from './engine.ts';
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
  const [device, setDevice] = useState<DeviceState>({});
  useEffect(() => {
    watchDevice(setDevice);
    // Its error is the state of the device.
    engine().catch(() => {});
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
        {device.missing && <Alert>{device.missing}</Alert>}
        {device.lost && (
          <Alert kind="notice" onClose={forgetLoss}>
            {lossNotice(device)}
          </Alert>
        )}
        {error && <Alert onClose={() => setError(undefined)}>{error}</Alert>}
        <TryTab {...props} hidden={tab !== 'try'} />
        <FineTuneTab {...props} hidden={tab !== 'tune'} />
      </main>
    </>
  );
}

const lossNotice = ({ lost, name }: DeviceState) =>
  name === undefined
    ? `The GPU was lost (${lost}). It is opened again when it is needed.`
    : `The GPU was lost (${lost}) and opened again. What was under way is done once more: in training the steps of the last seconds.`;

interface AlertProps {
  readonly children: string;
  readonly kind?: 'error' | 'notice';
  readonly onClose?: () => void;
}

function Alert({ children, kind = 'error', onClose }: AlertProps) {
  return (
    <div class={kind} role="alert">
      {children}
      {onClose && (
        <button type="button" onClick={onClose}>
          Close
        </button>
      )}
    </div>
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
