// Builds ZIP archives for tests, byte by byte, including ones that no honest tool writes.
import { crc32, deflateRawSync } from 'node:zlib';

export interface TestMember {
  readonly name: string;
  readonly data?: Uint8Array;
  readonly deflate?: boolean;
  /** Unix mode, type bits included. */
  readonly mode?: number;
  /** What the directory says instead of the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly method?: number;
}

/** With `zip64` the counts and offsets of the directory are in the 64-bit record only. */
export function buildZip(members: readonly TestMember[], zip64 = false): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const { local, central } = records(member, offset);
    pieces.push(...local);
    directory.push(central);
    offset += local.reduce((sum, piece) => sum + piece.length, 0);
  }
  const central = Buffer.concat(directory);
  return Buffer.concat([
    ...pieces,
    central,
    ...endOf(members.length, central.length, offset, zip64),
  ]);
}

function records(member: TestMember, offset: number): { local: Buffer[]; central: Buffer } {
  const data = member.data ?? new Uint8Array(0);
  const packed = member.deflate ? deflateRawSync(data) : Buffer.from(data);
  const name = Buffer.from(member.name);
  const shared = Buffer.alloc(26);
  shared.writeUInt16LE(20, 0);
  shared.writeUInt16LE(0x800 | (member.flags ?? 0), 2);
  shared.writeUInt16LE(member.method ?? (member.deflate ? 8 : 0), 4);
  shared.writeUInt32LE(member.crc ?? crc32(data), 10);
  shared.writeUInt32LE(packed.length, 14);
  shared.writeUInt32LE(member.size ?? data.length, 18);
  shared.writeUInt16LE(name.length, 22);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE((member.mode ?? 0) * 65536, 6);
  tail.writeUInt32LE(offset, 10);
  return {
    local: [Buffer.from('PK\x03\x04', 'latin1'), shared, name, packed],
    central: Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), shared, tail, name]),
  };
}

function endOf(count: number, size: number, offset: number, zip64: boolean): Buffer[] {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(zip64 ? 0xffff : count, 8);
  end.writeUInt16LE(zip64 ? 0xffff : count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  if (!zip64) return [end];
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 0, 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 0, 'latin1');
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return [record, locator, end];
}
