import type { z } from "zod"
import type { Connection, Owner } from "../connections/connection.ts"
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

/** A stored connection that is malformed, with what can stand for it: an invalidated one that can be deleted. */
export class MalformedConnection extends AppError {
  override readonly name = "MalformedConnection"
  readonly standIn: Connection

  constructor(stored: Pick<Connection, "id" | "revision"> & { readonly owner: Owner }, cause: AppError) {
    super("internal_error", cause.message)
    this.standIn = { ...stored, accessToken: "", metadata: { dc: "" }, tokenInvalidated: true }
  }
}

/** Reads a stored connection; what is thrown for a malformed one tells which one it is. */
export function parseConnection(
  stored: Pick<Connection, "id" | "revision"> & { readonly owner: Owner },
  parse: () => Connection,
): Connection {
  try {
    return parse()
  } catch (error) {
    throw error instanceof AppError ? new MalformedConnection(stored, error) : error
  }
}
