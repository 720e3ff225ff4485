import { tmpdir } from "node:os"
import { damaged, type PartFiles } from "./part-files.ts"
import { openDraft } from "./s3-draft.ts"
import { type BucketOptions, createObjects } from "./s3-objects.ts"

/** One request for each of these, because a slow reader must not have a whole part wait in memory. */
const readBytes = 2 * 1024 * 1024

const concurrentDeletes = 8

/** The files of jobs as objects of a bucket, with keys of the form `PREFIX/ID/NAME`. */
export function createBucket(
  options: BucketOptions & {
    /** Of all keys: empty, or with a slash at its end. */
    readonly prefix: string
  },
  deps: Parameters<typeof createObjects>[1],
): PartFiles {
  const { prefix } = options
  const objects = createObjects(options, deps)
  const folderOf = (jobId: string) => `${prefix}${jobId}/`
  const keyOf = (jobId: string, name: string) => folderOf(jobId) + name
  const keysOf = (jobId: string) => objects.list(folderOf(jobId))

  return {
    create: async (jobId, name, signal) => {
      const draft = await openDraft(tmpdir())
      return {
        write: draft.append,
        // A store shows an object only when it has all of it, under the name that it keeps.
        finish: async () => {
          await objects.put(keyOf(jobId, name), draft.size(), draft.read, signal)
          await draft.close()
        },
        discard: draft.close,
      }
    },

    size: (jobId, name) => objects.size(keyOf(jobId, name)),

    read: async function* (jobId, name, start, end) {
      for (let at = start; at < end;) {
        const length = Math.min(readBytes, end - at)
        const bytes = await objects.get(keyOf(jobId, name), at, at + length)
        if (bytes?.length !== length) throw damaged()
        yield bytes
        at += length
      }
    },

    jobIds: async () => {
      const folders = (await objects.list(prefix, "/")).filter((key) => key.endsWith("/"))
      return folders.map((key) => key.slice(prefix.length, -1))
    },
    names: async (jobId) => (await keysOf(jobId)).map((key) => key.slice(folderOf(jobId).length)),
    remove: (jobId, name) => objects.delete(keyOf(jobId, name)),
    removeAll: async (jobId) => {
      const keys = await keysOf(jobId)
      for (let at = 0; at < keys.length; at += concurrentDeletes)
        await Promise.all(keys.slice(at, at + concurrentDeletes).map(objects.delete))
    },
  }
}
