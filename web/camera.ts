// Frames of the camera, one after the other, as fast as whoever looks at them takes them.
import { rgbOf } from '../src/web/index.ts';
import type { ShownPicture } from './stage.tsx';

export interface Camera {
  /** The frame of now. */
  grab(): { readonly picture: ShownPicture; readonly image: ReturnType<typeof rgbOf> };
  stop(): void;
}

export async function openCamera(): Promise<Camera> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, height: { ideal: 480 } },
    });
  } catch (error) {
    const { name } = error as DOMException;
    throw new Error(
      name === 'NotAllowedError'
        ? 'camera: the browser was not allowed to use it. Allow it in the address bar and try again.'
        : `camera: the browser finds none that it can use (${name}). Connect one, or drop a picture.`,
      { cause: error },
    );
  }
  video.srcObject = stream;
  await video.play();
  return {
    grab() {
      const [width, height] = [video.videoWidth, video.videoHeight];
      const source = new OffscreenCanvas(width, height);
      source.getContext('2d', { alpha: false })!.drawImage(video, 0, 0);
      return { picture: { source, width, height }, image: rgbOf(source, width, height) };
    },
    stop() {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    },
  };
}
