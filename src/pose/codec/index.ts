// The heatmap codecs by the name that settings use.
import type { HeatmapCodec } from './codec.ts';
import { dark } from './dark.ts';
import { standard } from './standard.ts';
import { udp } from './udp.ts';

export type { DecodedKeypoints, HeatmapShape } from '../decode.ts';
export type { DecodeOptions, HeatmapCodec } from './codec.ts';

export const heatmapCodecs: Readonly<Record<'standard' | 'dark' | 'udp', HeatmapCodec>> = {
  standard,
  dark,
  udp,
};
