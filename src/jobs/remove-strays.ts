import { isOpen, type Job, type Run } from "./job.ts"
import { attemptOf, type PartFiles } from "./parts/part-files.ts"

/**
 * Removes the files of a run that is over, and of earlier runs, that the job's record does not name. Never rejects: the
 * purge removes what is left.
 *
 * @param job undefined if it was deleted, or cannot be read now
 */
export async function removeStrays(
  job: Pick<Job, "parts" | "state"> | undefined,
  { id, attempt }: Run,
  files: Pick<PartFiles, "names" | "remove" | "removeAll">,
): Promise<void> {
  try {
    if (job === undefined) return
    const named = new Set(job.parts.map(({ name }) => name))
    const names = await files.names(id)
    const strays = names.filter((name) => !named.has(name) && attemptOf(name) <= attempt)
    // A run elsewhere may be about to write into the folder of an open job.
    if (strays.length === names.length && !isOpen(job)) await files.removeAll(id)
    else for (const name of strays) await files.remove(id, name)
  } catch {
    // The folder is not available now.
  }
}
