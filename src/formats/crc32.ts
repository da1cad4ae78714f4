// CRC-32 as zip files use it (polynomial 0xEDB88320, reflected), eight bytes at a time: tables[k] holds
// what a byte comes to after k more bytes of zeros ("slicing by eight").
const slices = 8;
const tables: readonly Int32Array[] = makeTables();

function makeTables(): readonly Int32Array[] {
  const all = Array.from({ length: slices }, () => new Int32Array(256));
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    all[0]![n] = crc;
  }
  for (let n = 0; n < 256; n++)
    for (let k = 1; k < slices; k++) {
      const before = all[k - 1]![n]!;
      all[k]![n] = (before >>> 8) ^ all[0]![before & 255]!;
    }
  return all;
}

/** @param before the CRC of what comes before these bytes */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as Int32Array[] as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = ~before;
  let i = 0;
  for (const whole = bytes.length - (bytes.length % slices); i < whole; i += slices) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
