import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { codeOf, translated } from "./disk-errors.ts"
import { damaged, type NewFile, type PartFiles } from "./part-files.ts"

const readBytes = 256 * 1024

/** A file that is not finished. */
const draftSuffix = ".draft"

/** The files of jobs in a folder of their own for each job, readable by the owner of the process only. */
export function createFolder(path: string): PartFiles {
  const folderOf = (jobId: string) => join(path, jobId)
  const fileOf = (jobId: string, name: string) => join(path, jobId, name)

  return {
    create: async (jobId, name) => {
      const file = fileOf(jobId, name)
      const draft = `${file}${draftSuffix}`
      const handle = await translated("write", async () => {
        await mkdir(folderOf(jobId), { recursive: true, mode: 0o700 })
        return open(draft, "w", 0o600)
      })
      return {
        write: (bytes) =>
          translated("write", async () => {
            for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
          }),
        finish: () =>
          translated("write", async () => {
            await handle.sync()
            await handle.close()
            await rename(draft, file)
            await syncFolder(folderOf(jobId))
          }),
        discard: async () => {
          await handle.close().catch(() => {})
          await rm(draft, { force: true }).catch(() => {})
        },
      } satisfies NewFile
    },

    size: async (jobId, name) =>
      translated("read", async () => (await ifExists(stat(fileOf(jobId, name))))?.size),

    read: async function* (jobId, name, start, end) {
      const handle = await translated("read", () => open(fileOf(jobId, name), "r"))
      try {
        for (let at = start; at < end;) {
          const length = Math.min(readBytes, end - at)
          // A new buffer each time, because the consumer may keep the chunk until it is sent.
          const { bytesRead, buffer } = await translated("read", () =>
            handle.read(new Uint8Array(length), 0, length, at),
          )
          if (bytesRead === 0) throw damaged()
          yield buffer.subarray(0, bytesRead)
          at += bytesRead
        }
      } finally {
        await handle.close()
      }
    },

    jobIds: () => list(path),
    names: (jobId) => list(folderOf(jobId)),
    remove: (jobId, name) => translated("remove", () => rm(fileOf(jobId, name), { force: true })),
    removeAll: (jobId) =>
      translated("remove", () => rm(folderOf(jobId), { recursive: true, force: true, maxRetries: 3 })),
  }
}

async function list(path: string): Promise<readonly string[]> {
  return translated("list", async () => (await ifExists(readdir(path))) ?? [])
}

/** Only then does a renamed file survive a power failure. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function ifExists<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
