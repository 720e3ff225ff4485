/** From where a later run continues. */
export type Position = {
  /** Of the export. Missing before the first checkpoint. */
  readonly cursor?: string | undefined
  /** The job that exports in the background, if one does. */
  readonly job?: JobPosition | undefined
}

export type JobPosition = {
  /** With this key the same start gives the same job again. */
  readonly key: string
  /** Missing until the service has said it. */
  readonly id?: string | undefined
  /** The name of the last part that was written. */
  readonly after?: string | undefined
}

/** Where the rows of an export go. */
export type Sink = {
  /** From where the export starts. */
  readonly position: Position
  /** How many members an earlier run has written. */
  readonly rows: number
  /** What changed since an earlier export. */
  readonly isIncrement: boolean
  write(bytes: Uint8Array): Promise<void>
  /** Everything so far is covered by this position. */
  checkpoint(position: Position, rows: number): Promise<void>
  /** The rows after the last checkpoint come again. */
  rewind(): Promise<void>
  /** The export has ended and is complete. Returns what it is called. */
  complete(cursor: string): Promise<string>
  /** The export has ended without being complete, or has failed. A later run continues from the last position, unless it `isOver`. */
  abandon(options?: { readonly isOver: boolean }): Promise<void>
}
