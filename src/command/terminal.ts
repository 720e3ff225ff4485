import type { Service } from "../client/request.ts"

/** What the command uses of the process that it runs in. A test passes its own. */
export type Terminal = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Data alone. */
  readonly stdout: Output
  /** Everything for people. */
  readonly stderr: Output
  /** Aborts on SIGINT and SIGTERM, with an {@link Interrupted}, and with a {@link ReaderLeft} if nobody reads stdout anymore. */
  readonly signal: AbortSignal
  /** The global `fetch` by default. */
  readonly fetch?: Service["fetch"]
}

export type Output = {
  readonly isTTY?: boolean | undefined
  /** How many characters fit a line. Missing, or 0, if unknown. */
  readonly columns?: number | undefined
  /** Resolves when the text may be followed by more. */
  write(data: string | Uint8Array): Promise<void>
}

/** A person or the system stopped the command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted"
}

/** The program that read stdout has ended, as `head` does. */
export class ReaderLeft extends Error {
  override readonly name = "ReaderLeft"
}
