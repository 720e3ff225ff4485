import { AppError } from "../../../errors.ts"

/** The header is already written, so a value without a column would be lost. */
export function columnsChanged(what: "merge field" | "interest", name: string, listId: unknown): AppError {
  return new AppError(
    "columns_changed",
    `Cannot write a member as CSV because the ${what} ${name} has no column: it was added during the export, so start the export again: list ${String(listId)}`,
  )
}
