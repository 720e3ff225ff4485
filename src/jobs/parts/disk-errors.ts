import { AppError } from "../../errors.ts"

/** No space, no quota left, or a limit on the size of a file. */
const full = ["ENOSPC", "EDQUOT", "EFBIG"]

/** Every failure of the file system is the operator's to correct. The path is theirs alone, so it is only in the log. */
export async function translated<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    const code = codeOf(cause)
    if (code === undefined) throw cause
    if (full.includes(code)) {
      throw new AppError(
        "job_files_full",
        "Cannot write the job's files because the disk is full: make space and retry the job",
        { cause },
      )
    }
    throw new AppError(
      "job_files_unavailable",
      `Cannot ${what} the job's files because their folder is not available: ${code}`,
      { cause },
    )
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : undefined
}
