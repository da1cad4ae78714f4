// What an unquoted YAML scalar means: null, boolean, number or text, as in PyYAML's YAML 1.1, except
// that an exponent needs neither dot nor sign to make a number.
import type { Scalar } from './node.ts';

/** Base-60 integers and floats, `1:30` = 90. */
function sexagesimal(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '').split(':');
  return sign * digits.reduce((sum, part) => sum * 60 + Number(part), 0);
}

function radix(text: string, prefix: RegExp, base: number): number {
  const sign = text.startsWith('-') ? -1 : 1;
  return sign * Number.parseInt(text.replace(prefix, ''), base);
}

const numberForms: readonly (readonly [RegExp, (text: string) => number])[] = [
  [/^[-+]?(0|[1-9]\d*)$/, Number],
  [/^[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?$/, Number],
  [/^[-+]?\d+[eE][-+]?\d+$/, Number],
  [/^[-+]?0b[01]+$/, (text) => radix(text, /^[-+]?0b/, 2)],
  [/^[-+]?0[0-7]+$/, (text) => radix(text, /^[-+]?0/, 8)],
  [/^[-+]?0x[\da-fA-F]+$/, (text) => radix(text, /^[-+]?0x/, 16)],
  [/^[-+]?[1-9]\d*(:[0-5]?\d)+(\.\d*)?$/, sexagesimal],
  [/^[-+]?\.(inf|Inf|INF)$/, (text) => (text.startsWith('-') ? -Infinity : Infinity)],
  [/^\.(nan|NaN|NAN)$/, () => Number.NaN],
];

/** The value of an unquoted scalar. */
export function plainScalar(text: string): Scalar {
  if (/^(~|null|Null|NULL)?$/.test(text)) return null;
  if (/^(yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(text)) return true;
  if (/^(no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(text)) return false;
  // Underscores may stand between the digits of a number: 149_813.
  const digits = /^[-+]?[\d.][\d_.:eExXa-fA-F+-]*$/.test(text) ? text.replaceAll('_', '') : text;
  for (const [form, value] of numberForms) if (form.test(digits)) return value(digits);
  return text;
}
