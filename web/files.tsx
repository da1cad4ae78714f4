// Files that a person gives: by dialog, by dropping them, by choosing a folder, and back as downloads.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FolderFile } from '../src/web/index.ts';

interface FileButtonProps {
  readonly label: string;
  readonly accept?: string;
  readonly folder?: boolean;
  readonly disabled?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

/** A file input that looks like a button; the keyboard reaches it as any input. */
export function FileButton({ label, accept, folder, disabled, onFiles }: FileButtonProps) {
  const onChange = ({ currentTarget: input }: { readonly currentTarget: HTMLInputElement }) => {
    onFiles([...(input.files ?? [])]);
    input.value = '';
  };
  return (
    <label class="button">
      {label}
      <input
        type="file"
        {...(accept && { accept })}
        {...(folder && { webkitdirectory: true, multiple: true })}
        disabled={disabled ?? false}
        onChange={onChange}
      />
    </label>
  );
}

/** Takes files that are dropped anywhere on the page; true while some are held over it. */
export function useDrop(take: (files: readonly File[]) => void): boolean {
  const [over, setOver] = useState(false);
  const takeNow = useRef(take);
  takeNow.current = take;
  useEffect(() => {
    const listening = new AbortController();
    const on = (type: 'drop' | 'dragover' | 'dragleave', then: (event: DragEvent) => void) =>
      addEventListener(type, then, { signal: listening.signal });
    on('dragover', (event) => {
      // Otherwise the browser would leave the page and show the file.
      event.preventDefault();
      setOver(true);
    });
    on('dragleave', ({ relatedTarget }) => setOver(relatedTarget !== null));
    on('drop', (event) => {
      event.preventDefault();
      setOver(false);
      takeNow.current([...(event.dataTransfer?.files ?? [])]);
    });
    return () => listening.abort();
  }, []);
  return over;
}

/** The files of a folder input, without the folder's own name in their paths. */
export const filesOfInput = (files: readonly File[]): FolderFile[] =>
  files.map((file) => ({
    path: file.webkitRelativePath.split('/').slice(1).join('/') || file.name,
    open: async () => file,
  }));

/** All files below a folder from showDirectoryPicker; only names are read until one is opened. */
export async function filesOfHandle(
  folder: FileSystemDirectoryHandle,
  prefix = '',
): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  for await (const [name, handle] of folder.entries()) {
    const path = prefix + name;
    if (handle.kind === 'file') {
      files.push({ path, open: () => (handle as FileSystemFileHandle).getFile() });
    } else {
      const below = handle as FileSystemDirectoryHandle;
      for (const file of await filesOfHandle(below, `${path}/`)) files.push(file);
    }
  }
  return files;
}

export function download(name: string, bytes: Uint8Array): void {
  const address = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
