// What scripts/web.js exports, for tests.
export interface WebScript {
  bundleModule(
    entry: string,
    outDir: string,
    fileName: string,
    alias?: Readonly<Record<string, string>>,
  ): Promise<void>;
  bundleLibrary(outDir: string, fileName?: string): Promise<void>;
  buildPage(outDir: string): Promise<void>;
}

export const webScript = (): Promise<WebScript> =>
  import(new URL('../../scripts/web.js', import.meta.url).href);
