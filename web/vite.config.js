// How the page is served and built; scripts/web.js says when. `base` is relative, so that a built page
// works at any address.
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @type {import('vite').UserConfig} */
export default {
  root: at('.'),
  base: './',
  cacheDir: at('../node_modules/.vite'),
  server: { fs: { allow: [at('..')] } },
  build: { outDir: at('../dist/web'), emptyOutDir: true, target: 'es2023' },
};
