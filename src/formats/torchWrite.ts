// Writes a state dict as PyTorch's zip form: data.pkl, one stored member a tensor at a multiple of 64
// bytes, version. torch.load reads it back exactly. The data are handed on, not copied.
import { rowMajorStrides } from './gather.ts';
import { storageTypes } from './pickle/torchRules.ts';
import { writePickle } from './pickle/write.ts';
import { elementCount, type Tensor } from './tensor.ts';
import { layoutStoredZip, type ZipMember } from './zipWrite.ts';

const folder = 'archive';
const alignment = 64;
const utf8 = (text: string) => new TextEncoder().encode(text);

/** The file in pieces. */
export function layoutTorch(tensors: ReadonlyMap<string, Tensor>): readonly Uint8Array[] {
  const entries = [...tensors];
  const members: ZipMember[] = [
    { name: `${folder}/data.pkl`, pieces: stateDictPickle(entries) },
    { name: `${folder}/byteorder`, pieces: [utf8('little')] },
    ...entries.map(([, { data }], i) => ({ name: `${folder}/data/${i}`, pieces: [data] })),
    { name: `${folder}/version`, pieces: [utf8('3\n')] },
  ];
  return layoutStoredZip(members, alignment);
}

function stateDictPickle(entries: readonly (readonly [string, Tensor])[]) {
  return writePickle((out) => {
    out.global('collections', 'OrderedDict');
    out.tuple([]);
    out.reduce();
    out.fill(
      entries.map(([name, tensor], i) => [name, () => tensorAt(tensor, String(i))] as const),
    );

    function tensorAt({ dtype, shape }: Tensor, key: string): void {
      const type = Object.keys(storageTypes).find((name) => storageTypes[name] === dtype)!;
      out.global('torch._utils', '_rebuild_tensor_v2');
      out.tuple([
        () => {
          out.tuple([
            () => out.text('storage'),
            () => out.global('torch', type),
            () => out.text(key),
            () => out.text('cpu'),
            () => out.integer(elementCount(shape)!),
          ]);
          out.persistent();
        },
        () => out.integer(0),
        () => out.tuple(shape.map((side) => () => out.integer(side))),
        () => out.tuple(rowMajorStrides(shape).map((stride) => () => out.integer(stride))),
        () => out.boolean(false),
        () => {
          out.global('collections', 'OrderedDict');
          out.tuple([]);
          out.reduce();
        },
      ]);
      out.reduce();
    }
  }, 2);
}
