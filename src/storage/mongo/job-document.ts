import type { Document } from "mongodb"
import type { JobProgress } from "../../jobs/job.ts"
import { parseJob, toStoredProgress } from "../stored-job.ts"

export type JobDocument = Document & { _id: string; open_before: number }

export const isOpen = { state: { $in: ["queued", "running"] } }

export function toFields(progress: JobProgress) {
  const { parts, columns = null } = progress
  return { progress: toStoredProgress(progress), parts, columns }
}

export function toStored({ _id, ...document }: JobDocument): unknown {
  return { id: _id, ...document }
}

export function toJob(document: JobDocument | null) {
  return document === null ? undefined : parseJob(toStored(document))
}
