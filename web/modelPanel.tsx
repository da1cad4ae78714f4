// Which model is loaded, how to load another, and its input size where the file does not say.
import { readModel } from '../src/web/index.ts';
import type { OpenModel, TabProps } from './app.tsx';
import { FileButton } from './files.tsx';

export async function openModelFile(file: File): Promise<OpenModel> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return { name: file.name, ...readModel(bytes, file.name) };
}

const endings = ['.safetensors', '.pth', '.pt', '.pdparams'];

export const isModelFile = ({ name }: File) =>
  endings.some((ending) => name.toLowerCase().endsWith(ending));

/** Height × width, as configs name them. */
const sizes = [
  [128, 96],
  [192, 144],
  [256, 192],
  [256, 256],
  [384, 288],
  [512, 384],
] as const;

export interface SizeSelectProps {
  readonly label: string;
  readonly wide?: boolean;
  readonly value: { readonly width: number; readonly height: number };
  readonly disabled?: boolean;
  readonly onChange: (size: { readonly width: number; readonly height: number }) => void;
}

export function SizeSelect({ label, wide, value, disabled = false, onChange }: SizeSelectProps) {
  const known = sizes.some(([h, w]) => h === value.height && w === value.width);
  const offered = known ? sizes : [[value.height, value.width] as const, ...sizes];
  return (
    <label class={wide ? 'wide' : ''}>
      {label}
      <select
        disabled={disabled}
        value={`${value.height}x${value.width}`}
        onChange={({ currentTarget }) => {
          const [height, width] = currentTarget.value.split('x').map(Number);
          onChange({ width: width!, height: height! });
        }}
      >
        {offered.map(([h, w]) => (
          <option key={`${h}x${w}`} value={`${h}x${w}`}>
            {h} × {w}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ModelPanel({ model, onModel, onError }: Omit<TabProps, 'hidden'>) {
  const open = ([file]: readonly File[]) => {
    if (file) openModelFile(file).then(onModel, onError);
  };
  return (
    <div class="panel">
      <h2>Model</h2>
      {model ? <ModelFacts model={model} onModel={onModel} /> : <NoModel />}
      <div class="row">
        <FileButton label="Open weights …" accept={endings.join()} onFiles={open} />
      </div>
    </div>
  );
}

const NoModel = () => (
  <p class="quiet">
    Weights of an HRNet: a .safetensors file, for instance from <code>hrpose train</code> or{' '}
    <code>hrpose demo</code>, PyTorch's .pth or PaddlePaddle's .pdparams. Nothing leaves this
    computer.
  </p>
);

function ModelFacts({ model: open, onModel }: { model: OpenModel; onModel: TabProps['onModel'] }) {
  const { config, skeleton, inputSize } = open.model;
  const small = config.modules[1] === 1 ? ' small' : '';
  return (
    <>
      <p>
        <strong>{open.name}</strong>
      </p>
      <p class="quiet">
        HRNet-W{config.width}
        {small}, {skeleton.keypoints.length} keypoints ({skeleton.name})
        {open.knowsInputSize && `, input ${inputSize.height} × ${inputSize.width}`}
      </p>
      {!open.knowsInputSize && (
        <>
          <p class="quiet">The file does not say for which size it was trained: choose that one.</p>
          <div class="fields">
            <SizeSelect
              label="Input size (height × width)"
              wide
              value={inputSize}
              onChange={(size) => onModel({ ...open, model: { ...open.model, inputSize: size } })}
            />
          </div>
        </>
      )}
    </>
  );
}
