// What the page uses and TypeScript's libraries leave out.
declare module '*.css';

interface Window {
  /** Chromium only. */
  showDirectoryPicker?(): Promise<FileSystemDirectoryHandle>;
}
