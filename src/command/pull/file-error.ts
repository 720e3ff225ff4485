/** Whether a file is not there. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT"
}

/** The system's code of an error, such as ENOSPC. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}
