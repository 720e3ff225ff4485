import type { z } from "zod"
import { AppError } from "../errors.ts"

/**
 * What a database gave back, checked: someone else may have written it. Throws an `internal_error` that names the
 * fields that are wrong, and never what they hold.
 */
export function parseStored<T>(schema: z.ZodType<T>, stored: unknown, name: string): T {
  const result = schema.safeParse(stored)
  if (result.success) return result.data
  const fields = new Set(result.error.issues.map(({ path }) => path.join(".")))
  throw new AppError("internal_error", `Cannot read ${name} as it is malformed: ${[...fields].join(", ")}`)
}
