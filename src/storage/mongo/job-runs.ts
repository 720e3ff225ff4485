import type { Collection, Document } from "mongodb"
import type { Run, RunStore } from "../../jobs/job.ts"
import type { MongoDatabase } from "./database.ts"
import { isOpen, type JobDocument, toFields, toJob } from "./job-document.ts"

/** What the runs of jobs read and write in the collection of jobs. */
export function createMongoRuns(
  { attempt }: Pick<MongoDatabase, "attempt">,
  collection: Collection<JobDocument>,
): RunStore {
  const write = (run: Run, changes: Document) =>
    attempt("change the job", async () => {
      const { id, attempt } = run
      const filter = { _id: id, attempt, state: "running" }
      return (await collection.updateOne(filter, { $set: changes })).matchedCount === 1
    })

  return {
    open: (limit) =>
      attempt("list the jobs", async () => {
        const found = collection.find(isOpen, { projection: { open_before: 1 } })
        const documents = await found.sort({ open_before: 1, created_at: 1, _id: 1 }).limit(limit).toArray()
        return documents.map(({ _id: id, open_before: openBefore }) => ({ id, openBefore }))
      }),

    countOpen: () =>
      attempt("count the jobs", async () => ({
        queued: await collection.countDocuments({ state: "queued" }),
        running: await collection.countDocuments({ state: "running" }),
      })),

    begin: (id, startedAt) =>
      attempt("change the job", async () => {
        const isFirst = { _id: id, started_at: null, ...isOpen }
        await collection.updateOne(isFirst, { $set: { started_at: startedAt } })
        const update = { $set: { state: "running" }, $inc: { attempt: 1 } }
        const begun = await collection.findOneAndUpdate({ _id: id, ...isOpen }, update, {
          returnDocument: "after",
        })
        return toJob(begun)
      }),

    save: (run, progress) => write(run, toFields(progress)),

    end: (run, progress, { endedAt, expiresAt, ...end }) =>
      write(run, { ...toFields(progress), ...end, ended_at: endedAt, expires_at: expiresAt }),
  }
}
