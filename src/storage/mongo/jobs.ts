import type { Document, Filter } from "mongodb"
import type { JobProgress, JobStore, Run } from "../../jobs/job.ts"
import { parseJob, parseJobSummary, toStoredProgress } from "../stored-job.ts"
import { isInserted, type MongoDatabase } from "./database.ts"

type JobDocument = Document & { _id: string }

const isOpen = { state: { $in: ["queued", "running"] } }

/**
 * Jobs in the collection `integrations.mailchimp.job`, one document each. An update whose filter has the attempt and the state
 * decides between two runs, so the server must update one document atomically, as MongoDB does.
 */
export function createMongoJobs({ db, attempt }: MongoDatabase): JobStore {
  const collection = db.collection<JobDocument>("integrations.mailchimp.job")
  let hasIndexes = false

  /** Before every insert until it has succeeded once: creating an index again is harmless. */
  async function ensureIndexes(): Promise<void> {
    if (hasIndexes) return
    await collection.createIndex({ request_key: 1 }, { unique: true })
    await collection.createIndex({ account_id: 1, owner: 1, created_at: -1, _id: -1 })
    await collection.createIndex({ state: 1, open_before: 1, created_at: 1 })
    await collection.createIndex({ connection_id: 1 })
    await collection.createIndex({ expires_at: 1 })
    hasIndexes = true
  }

  const findOne = (filter: Filter<JobDocument>) =>
    attempt("find the job", async () => toJob(await collection.findOne(filter)))

  const write = (run: Run, changes: Document) =>
    attempt("change the job", async () => {
      const { id, attempt } = run
      const filter = { _id: id, attempt, state: "running" }
      return (await collection.updateOne(filter, { $set: changes })).matchedCount === 1
    })

  return {
    insert: ({ id, owner: { accountId, uid }, connectionId, requestKey, request, createdAt }) =>
      attempt("store the job", async () => {
        await ensureIndexes()
        const insertion = collection.insertOne({
          _id: id,
          account_id: accountId,
          owner: uid,
          connection_id: connectionId,
          request_key: requestKey,
          request,
          state: "queued",
          attempt: 0,
          open_before: await collection.countDocuments({ account_id: accountId, ...isOpen }),
          progress: toStoredProgress({ parts: [] }),
          parts: [],
          created_at: createdAt,
        })
        return isInserted(insertion)
      }),

    find: (id) => findOne({ _id: id }),
    findByRequestKey: (requestKey) => findOne({ request_key: requestKey }),

    freeRequestKey: (requestKey, until) =>
      attempt("change the job", async () => {
        const job = await collection.findOne({ request_key: requestKey, created_at: { $lte: until } })
        if (job === null) return
        await collection.updateOne(
          { _id: job._id, request_key: requestKey },
          { $set: { request_key: job._id } },
        )
      }),

    list: ({ accountId, uid }, { now, limit, before }) =>
      attempt("list the jobs", async () => {
        const isLater = before && [
          { created_at: { $lt: before.createdAt } },
          { created_at: before.createdAt, _id: { $lt: before.id } },
        ]
        const filter = {
          account_id: accountId,
          owner: uid,
          $and: [
            { $or: [{ expires_at: null }, { expires_at: { $gt: now } }] },
            ...(isLater === undefined ? [] : [{ $or: isLater }]),
          ],
        }
        const found = collection.find(filter, { projection: { parts: 0 } })
        const documents = await found.sort({ created_at: -1, _id: -1 }).limit(limit).toArray()
        return documents.map((document) => parseJobSummary(toStored(document)))
      }),

    open: (limit) =>
      attempt("list the jobs", async () => {
        const found = collection.find(isOpen, { projection: { _id: 1 } })
        const documents = await found.sort({ open_before: 1, created_at: 1, _id: 1 }).limit(limit).toArray()
        return documents.map(({ _id }) => _id)
      }),

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

    cancel: (id, { endedAt, expiresAt }) =>
      attempt("cancel the job", async () => {
        const canceled = { state: "canceled", ended_at: endedAt, expires_at: expiresAt }
        await collection.updateOne(
          { _id: id, state: { $ne: "canceled" } },
          { $set: { ...toFields({ parts: [] }), ...canceled }, $unset: { error: "" } },
        )
      }),

    requeue: (id) =>
      attempt("change the job", async () => {
        const { matchedCount } = await collection.updateOne(
          { _id: id, state: "failed" },
          { $set: { state: "queued" }, $unset: { error: "", ended_at: "", expires_at: "" } },
        )
        return matchedCount === 1
      }),

    deleteOfConnection: (connectionId) =>
      attempt("delete the jobs", async () => {
        const found = collection.find({ connection_id: connectionId }, { projection: { _id: 1 } })
        const ids = (await found.toArray()).map(({ _id }) => _id)
        await collection.deleteMany({ _id: { $in: ids } })
        return ids
      }),

    deleteExpired: (until) =>
      attempt("delete the jobs", async () => {
        await collection.deleteMany({ expires_at: { $lte: until } })
      }),
  }
}

function toFields(progress: JobProgress) {
  return { progress: toStoredProgress(progress), parts: progress.parts }
}

function toStored({ _id, ...document }: JobDocument): unknown {
  return { id: _id, ...document }
}

function toJob(document: JobDocument | null) {
  return document === null ? undefined : parseJob(toStored(document))
}
