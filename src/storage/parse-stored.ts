import type { z } from "zod"
import type { Connection, Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"

/**
 * Validates a value from the database, because other software may have written it. Throws an `internal_error` that names
 * the malformed fields, never their values.
 */
export function parseStored<T>(schema: z.ZodType<T>, stored: unknown, name: string): T {
  const result = schema.safeParse(stored)
  if (result.success) return result.data
  const fields = new Set(result.error.issues.map(({ path }) => path.join(".")))
  throw new AppError(
    "internal_error",
    `Cannot read ${name} because it is malformed: ${[...fields].join(", ")}`,
  )
}

/** Reads null like a missing field. */
export function optional<T>(schema: z.ZodType<T>) {
  return schema.nullish().transform((value) => value ?? undefined)
}

/** A stored connection that is malformed, with a stand-in: an invalidated connection that can be deleted. */
export class MalformedConnection extends AppError {
  override readonly name = "MalformedConnection"
  readonly standIn: Connection

  constructor(stored: Pick<Connection, "id" | "revision"> & { readonly owner: Owner }, cause: AppError) {
    super("internal_error", cause.message)
    this.standIn = { ...stored, accessToken: "", metadata: { dc: "" }, tokenInvalidated: true }
  }
}

/** Parses a stored connection. For a malformed one it throws a {@link MalformedConnection}, which identifies it. */
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

/** The connection, or for a malformed one its stand-in, because every connection must be possible to delete. */
export function parseToDelete(parse: () => Connection): Connection {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof MalformedConnection)) throw error
    return error.standIn
  }
}
