// The page and the library for browsers.
//   npm run web         serves the page on this computer and reloads it when a source changes
//   npm run build:web   builds the page into dist/web/ and the library into dist/web/hrpose.js
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureReady, root } from './setup.js';

const configFile = join(root, 'web/vite.config.js');

/** One module with everything that `entry` reaches; `alias` replaces modules by their names. */
export async function bundleModule(entry, outDir, fileName, alias = {}) {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    resolve: { alias },
    build: {
      outDir,
      emptyOutDir: false,
      target: 'es2023',
      minify: 'oxc',
      sourcemap: false,
      lib: { entry: join(root, entry), formats: ['es'], fileName: () => fileName },
      // Whatever is left of Node's modules is an error that names it, not an empty stand-in.
      rollupOptions: { external: (id) => id.startsWith('node:') && !(id in alias) },
    },
  });
}

/** hrpose/web as one file without imports. */
export const bundleLibrary = (outDir, fileName = 'hrpose.js') =>
  bundleModule('src/web/index.ts', outDir, fileName);

/** The page with all that it needs. */
export async function buildPage(outDir) {
  const { build } = await import('vite');
  await build({ configFile, logLevel: 'warn', build: { outDir, emptyOutDir: true } });
}

async function serve() {
  const { createServer } = await import('vite');
  const server = await createServer({ configFile, clearScreen: false });
  await server.listen();
  server.printUrls();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureReady({ need: ['node_modules'] });
  if (process.argv.includes('--build')) {
    const folder = join(root, 'dist/web');
    await buildPage(folder);
    await bundleLibrary(folder);
    process.stdout.write(`Built ${folder}: the page, and the library hrpose.js.\n`);
  } else await serve();
}
