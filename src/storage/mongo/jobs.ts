import type { Filter } from "mongodb"
import type { Job, JobStore } from "../../jobs/job.ts"
import { parseJobSummary, toStoredProgress } from "../stored-job.ts"
import { collectionNames } from "./collections.ts"
import { createEnsureIndexes, isInserted, type MongoDatabase } from "./database.ts"
import { isOpen, type JobDocument, toFields, toJob, toStored } from "./job-document.ts"
import { createMongoRuns } from "./job-runs.ts"

/**
 * Jobs in the collection `integrations.mailchimp.job`, one document each. An update whose filter has the attempt and the state
 * decides between two runs, so the server must update one document atomically, as MongoDB does.
 */
export function createMongoJobs(database: MongoDatabase): JobStore {
  const { db, attempt } = database
  const collection = db.collection<JobDocument>(collectionNames.jobs)
  const ensureIndexes = createEnsureIndexes(async () => {
    await collection.createIndex({ request_key: 1 }, { unique: true })
    await collection.createIndex({ account_id: 1, owner: 1, created_at: -1, _id: -1 })
    await collection.createIndex({ state: 1, open_before: 1, created_at: 1 })
    await collection.createIndex({ connection_id: 1 })
    await collection.createIndex({ expires_at: 1 })
  })

  const findOne = (filter: Filter<JobDocument>) =>
    attempt("find the job", async () => toJob(await collection.findOne(filter)))

  return {
    ...createMongoRuns(database, collection),

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
        const filter = { account_id: accountId, owner: uid, $and: [isUnexpired(now), isOlder(before)] }
        const found = collection.find(filter, { projection: { parts: 0, columns: 0 } })
        const documents = await found.sort({ created_at: -1, _id: -1 }).limit(limit).toArray()
        return documents.map((document) => parseJobSummary(toStored(document)))
      }),

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

function isUnexpired(now: Date) {
  return { $or: [{ expires_at: null }, { expires_at: { $gt: now } }] }
}

/** Every job is older than none. */
function isOlder(job: Pick<Job, "id" | "createdAt"> | undefined): Filter<JobDocument> {
  if (job === undefined) return {}
  const { id, createdAt } = job
  return { $or: [{ created_at: { $lt: createdAt } }, { created_at: createdAt, _id: { $lt: id } }] }
}
