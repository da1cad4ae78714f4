// An ONNX model as text, one node a line: the form that tests compare and DEBUG=3 shows.
import type { OnnxAttribute, OnnxModel, OnnxTensor, OnnxValue } from './proto.ts';

export function printOnnx(model: OnnxModel): string {
  const { opset, inputs, outputs, initializers, nodes } = model;
  const lines = [
    `opset ${opset}`,
    ...inputs.map((value) => `input ${showValue(value)}`),
    ...initializers.map((tensor) => `constant ${showTensor(tensor)}`),
    ...nodes.map(({ name, op, inputs, outputs, attributes }) => {
      const read = inputs.map((input) => input || '-').join(', ');
      return `${outputs.join(', ')} = ${op}(${read})${showAttributes(attributes)} '${name}'`;
    }),
    ...outputs.map((value) => `output ${showValue(value)}`),
  ];
  return `${lines.join('\n')}\n`;
}

export const showValue = ({ name, type, shape }: OnnxValue) =>
  `${name} ${type} [${shape.join(', ')}]`;

/** Up to four values of a tensor of whole numbers are shown, as they are shapes and cells. */
function showTensor({ name, type, dims, data }: OnnxTensor): string {
  const start = `${name} ${type} [${dims.join(', ')}]`;
  if (type !== 'int64' || data.length > 32) return start;
  const values = new BigInt64Array(data.slice().buffer);
  return `${start} = ${values.join(', ')}`;
}

function showAttributes(attributes: Readonly<Record<string, OnnxAttribute>>): string {
  const parts = Object.entries(attributes).map(
    ([key, { value }]) => `${key}=${Array.isArray(value) ? `[${value}]` : value}`,
  );
  return parts.length === 0 ? '' : ` {${parts.join(', ')}}`;
}
