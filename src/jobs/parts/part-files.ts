import { AppError } from "../../errors.ts"
import type { PartFormat } from "../../exports/formats/format.ts"
import type { JobRequest } from "../job.ts"

/** Where the files of jobs are: a folder, or an object store. Methods reject with `job_files_unavailable`. */
export type PartFiles = {
  /**
   * Begins a file, which nobody can read until it is finished.
   *
   * @param signal of the run: after its abort the file has a few seconds to be finished
   */
  create(jobId: string, name: string, signal: AbortSignal): Promise<NewFile>
  /** The size of a file in bytes. Undefined if there is none. */
  size(jobId: string, name: string): Promise<number | undefined>
  /** The bytes from `start` to before `end`. */
  read(jobId: string, name: string, start: number, end: number): AsyncGenerator<Uint8Array>
  /** The ids of the jobs that have files, finished or not. */
  jobIds(): Promise<readonly string[]>
  /** The names of a job's files, finished or not. */
  names(jobId: string): Promise<readonly string[]>
  /** Removes a file if it is there. */
  remove(jobId: string, name: string): Promise<void>
  /** Removes all files of a job. */
  removeAll(jobId: string): Promise<void>
}

/** A file that is being written. Methods reject with `job_files_full` or `job_files_unavailable`. */
export type NewFile = {
  /** The bytes are not used any more when it resolves. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes the file durable, and then visible under its name, whole. */
  finish(): Promise<void>
  /** Removes what was written. Never rejects. */
  discard(): Promise<void>
}

/** The number of the part and the attempt make a name unique, so that two runs of a job never write to the same file. */
export function partName(number: number, attempt: number, suffix: string): string {
  return `${String(number).padStart(5, "0")}-${attempt}${suffix}`
}

/** How the names of a job's files end. */
export function partSuffix(
  { fileSuffix }: Pick<PartFormat, "fileSuffix">,
  { compression }: Pick<JobRequest, "compression">,
): string {
  return `${fileSuffix}${compression === "gzip" ? ".gz" : ""}`
}

/** The attempt that a file belongs to. Infinity for a file that is not a part. */
export function attemptOf(name: string): number {
  return Number(/^\d+-(\d+)\./.exec(name)?.[1] ?? Infinity)
}

/** A file that is not as the job's record says. */
export function damaged(): AppError {
  return new AppError(
    "job_files_unavailable",
    "Cannot send the file because it is missing or damaged: start a new job if it does not come back",
  )
}
