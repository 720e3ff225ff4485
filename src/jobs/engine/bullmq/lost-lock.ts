import { ErrorCode } from "bullmq"

const codes: readonly unknown[] = [
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobLockMismatch,
  ErrorCode.JobNotInState,
]

/** Whether the error only says that the job is not this worker's any more. */
export function isLostLock(error: Error): boolean {
  return ("code" in error && codes.includes(error.code)) || error.message.startsWith("could not renew lock")
}
