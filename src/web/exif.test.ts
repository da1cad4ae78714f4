import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { withoutExif } from './exif.ts';

const picture = () =>
  sharp({ create: { width: 8, height: 6, channels: 3, background: '#456' } }).jpeg();

test('a JPEG without its EXIF block is the JPEG that never had one', async () => {
  const turned = await picture().withMetadata({ orientation: 6 }).toBuffer();
  const { orientation } = await sharp(turned).metadata();
  assert.equal(orientation, 6);
  const bare = withoutExif(turned);
  assert.equal((await sharp(bare).metadata()).orientation, undefined);
  assert.deepEqual(await sharp(bare).raw().toBuffer(), await sharp(turned).raw().toBuffer());
});

test('bytes without EXIF, cut off or of another kind stay as they are', async () => {
  const plain = await picture().toBuffer();
  const turned = await picture().withMetadata({ orientation: 6 }).toBuffer();
  const png = await sharp(plain).png().toBuffer();
  for (const bytes of [
    plain,
    png,
    turned.subarray(0, 9),
    Buffer.alloc(0),
    Buffer.from([0xff, 0xd8]),
  ])
    assert.deepEqual(Buffer.from(withoutExif(bytes)), Buffer.from(bytes));
});
