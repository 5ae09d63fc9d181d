// What an image of a fake plan or run is made of: two platforms, five blobs each, as far as the image's bytes say.

import type { BlobPart, ImageParts, ImageState, ManifestPart } from '../types';

const PLATFORMS = ['linux/amd64', 'linux/arm64/v8'];
const LAYERS = 4;

export function partsOf(image: ImageState): ImageParts | null {
  if (image.plan === null || image.plan.action === 'skip') return null;
  const blobs: BlobPart[] = [];
  const layer = Math.max(1, Math.floor(image.bytesTotal / (PLATFORMS.length * LAYERS)));
  const manifests: ManifestPart[] = [
    { digest: digest(image.id, 99), role: 'index', platform: null, size: 1609, blobs: [] },
  ];
  for (const [at, platform] of PLATFORMS.entries()) {
    const own: number[] = [];
    for (let n = 0; n <= LAYERS; n += 1) {
      own.push(blobs.length);
      const size = n === 0 ? 7104 : layer;
      blobs.push({
        digest: digest(image.id, at * 10 + n),
        config: n === 0,
        size,
        status: 'waiting',
        inFlight: 0,
      });
    }
    manifests.push({ digest: digest(image.id, 90 + at), role: 'image', platform, size: 1201, blobs: own });
  }
  manifests.push({ digest: digest(image.id, 98), role: 'attestation', platform: null, size: 566, blobs: [] });
  spread(blobs, image);
  return { manifests, blobs };
}

/** The image's bytes, laid over its blobs in order. */
function spread(blobs: BlobPart[], image: ImageState): void {
  const { plan } = image;
  let present = image.bytesPresent;
  let mounted = image.bytesMounted || (image.status === 'planned' ? (plan?.bytes_mountable ?? 0) : 0);
  let copied = image.status === 'copied' ? Infinity : image.bytesCopied;
  let flight = image.bytesInFlight;
  for (const blob of blobs) {
    const half = blob.size / 2;
    if (present >= half) {
      present -= blob.size;
      blob.status = 'present';
    } else if (mounted >= half) {
      mounted -= blob.size;
      blob.status = 'mounted';
    } else if (copied >= blob.size) {
      copied -= blob.size;
      blob.status = 'copied';
    } else if (image.status === 'failed') {
      blob.status = 'failed';
    } else if (image.status === 'copying' && flight > 0) {
      blob.status = 'uploading';
      blob.inFlight = Math.min(blob.size, flight);
      flight -= blob.inFlight;
    } else if (image.status === 'copying' && blob.config) {
      blob.status = 'shared';
    }
  }
}

function digest(image: number, part: number): string {
  const seed = (image * 131 + part * 7919 + 0x5f2d91).toString(16).padStart(8, '0');
  return `sha256:${seed.repeat(8)}`;
}
