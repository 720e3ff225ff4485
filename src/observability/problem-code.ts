import { AppError } from "../errors.ts"

/** The code under which callers, metrics and spans know an error. */
export function problemCodeOf(error: unknown): string {
  return error instanceof AppError ? error.code : "internal_error"
}
