// Which names of an archive may become files here. The rules are those of the strictest file
// system, so that an archive is accepted on one machine exactly if it is on all.

/** The suffix of files that are being written; no member may have it. */
export const writingSuffix = '.hrpose-part';

const deviceName = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$/i;

/** Why a member with this name must not be extracted; undefined where it may. */
export function unsafeName(name: string): string | undefined {
  if (name.length === 0 || name.length > 1024) return 'its length is not 1 to 1024';
  if (name.startsWith('/')) return 'it is an absolute path';
  const path = name.endsWith('/') ? name.slice(0, -1) : name;
  for (const segment of path.split('/')) {
    const fault = unsafeSegment(segment);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function unsafeSegment(segment: string): string | undefined {
  if (segment === '..') return "it leads out of the folder by '..'";
  if (segment === '' || segment === '.') return 'it has an empty part';
  if (Buffer.byteLength(segment) > 255) return 'a part of it is longer than 255 bytes';
  if (/[\\:*?"<>|]/.test(segment)) return 'it has a character that not every system allows';
  if (/[\p{Cc}\p{Cs}]/u.test(segment)) return 'it has a character that is no text';
  if (/[. ]$/.test(segment)) return 'a part of it ends in a dot or a space';
  if (deviceName.test(segment.split('.')[0]!.trimEnd())) return 'it names a device';
  if (segment.endsWith(writingSuffix)) return `it ends in ${writingSuffix}`;
  return undefined;
}
