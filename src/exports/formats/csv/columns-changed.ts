import { AppError } from "../../../errors.ts"

/** The header is already written, so a value without a column would be lost. */
export function columnsChanged(what: "merge field" | "interest", name: string, listId: unknown): AppError {
  return new AppError(
    "columns_changed",
    `Cannot write a member as CSV because the ${what} ${name} has no column: the list did not have it, or could not be read, when the columns were. Start the export again: list ${String(listId)}`,
  )
}
