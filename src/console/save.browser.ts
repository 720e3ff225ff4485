/** A file that is being written. It is on the disk, never in memory. */
export type Sink = {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Until then the file is not there under its name. */
  finish(): Promise<void>
  discard(): Promise<void>
}

declare global {
  // Only Chromium has it.
  interface Window {
    showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>
  }
}

/** How long a browser may take to copy a file out of the private file system. */
const copyMs = 10 * 60_000
const prefix = "mailchimp-"
export const notSaved = "Not saved, because no file was chosen."

/**
 * Opens a file where the person chooses. Without a file picker it is written to the browser's private file system first, and
 * then downloaded.
 *
 * @returns undefined if the person chose no file
 */
export async function openSink(name: string): Promise<Sink | undefined> {
  if (window.showSaveFilePicker === undefined) return openPrivate(name)
  try {
    const handle = await window.showSaveFilePicker({ suggestedName: name })
    const file = await handle.createWritable()
    return {
      write: (bytes) => file.write(bytes),
      finish: () => file.close(),
      discard: () => file.abort(),
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined
    throw error
  }
}

async function openPrivate(name: string): Promise<Sink> {
  // Browsers have it on secure pages alone.
  const root = await navigator.storage?.getDirectory()
  if (root === undefined) throw new Error("Cannot save a file because this page was not opened by https")
  const privateName = prefix + crypto.randomUUID()
  const handle = await root.getFileHandle(privateName, { create: true })
  const file = await handle.createWritable()
  const remove = () => root.removeEntry(privateName).catch(() => {})
  return {
    write: (bytes) => file.write(bytes),
    finish: async () => {
      await file.close()
      const url = URL.createObjectURL(await handle.getFile())
      const link = document.createElement("a")
      link.href = url
      link.download = name
      link.click()
      setTimeout(() => {
        URL.revokeObjectURL(url)
        void remove()
      }, copyMs)
    },
    discard: async () => {
      await file.abort()
      await remove()
    },
  }
}

/** Removes what an earlier page left in the private file system, unless another tab may still need it. */
export async function removeOldFiles(): Promise<void> {
  const root = await navigator.storage?.getDirectory().catch(() => undefined)
  if (root === undefined) return
  for await (const [name, handle] of root.entries()) {
    if (!name.startsWith(prefix) || !(handle instanceof FileSystemFileHandle)) continue
    const { lastModified } = await handle.getFile()
    if (lastModified < Date.now() - copyMs) await root.removeEntry(name).catch(() => {})
  }
}
