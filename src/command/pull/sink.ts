/** Where the rows of an export go. */
export type Sink = {
  /** The cursor from which the export starts. */
  readonly cursor: string | undefined
  /** How many members an earlier run has written. */
  readonly rows: number
  write(bytes: Uint8Array): Promise<void>
  /** Everything so far is covered by this cursor. */
  checkpoint(cursor: string, rows: number): Promise<void>
  /** The rows after the last checkpoint come again. */
  rewind(): Promise<void>
  /** The export has ended and is complete. Returns what it is called. */
  complete(cursor: string): Promise<string>
  /** The export has ended without being complete, or has failed. */
  abandon(): Promise<void>
}
