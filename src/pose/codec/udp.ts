// The UDP codec (Huang et al., "The devil is in the details", CVPR 2020): sizes are counted in pixel
// distances, and the patch of the nearest cell has its peak at the exact position (spec 3.9). Read
// back as DARK does; the way to the picture is backProject with udp set.
import { encodePatches, type HeatmapCodec } from './codec.ts';
import { dark } from './dark.ts';

export const udp: HeatmapCodec = {
  encode: encodePatches(
    (input, map) => ({
      width: (input.width - 1) / (map.width - 1),
      height: (input.height - 1) / (map.height - 1),
    }),
    (position) => position,
  ),

  decode: dark.decode,
};
