import type { Service } from "../../client/request.ts"
import type { Clock } from "../../lib/time.ts"
import type { FollowProgress } from "./follow-progress.ts"
import { toSentence } from "../describe-error.ts"
import { readExport } from "./read-export.ts"
import { type Selection, toExportOptions } from "./selection.ts"

/** Where changes are appended. */
export type FollowOutput = {
  write(bytes: Uint8Array): Promise<void>
  /** Everything so far is covered by this cursor. */
  checkpoint(cursor: string): Promise<void>
  close(): Promise<void>
}

export type Follow = {
  readonly service: Service
  readonly selection: Selection
  /** Of a whole export, or of an earlier run. */
  readonly cursor: string
  readonly output: FollowOutput
  readonly progress: FollowProgress
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Appends what changes: members as rows, and deletions as the service's `deleted` lines. Ends when the signal of the service
 * aborts. After a retry some changes are appended again.
 *
 * @throws {MailchimpExportError} if a retry makes no sense
 */
export async function follow(options: Follow): Promise<never> {
  const { service, selection, cursor, output, progress, clock, random } = options
  let changes = 0
  const lines = readExport({
    ...service,
    ...toExportOptions(selection),
    cursor,
    isFollowed: true,
    onRows: async ({ bytes, count }) => {
      await output.write(bytes)
      changes += count
    },
    onRetry: (error) => progress.note(`Resuming, because: ${toSentence(error)}`),
    sleep: clock.sleep,
    random,
  })
  try {
    for await (const line of lines) {
      if (line.$export === "deleted") {
        await output.write(Buffer.from(`${JSON.stringify(line)}\n`))
        changes += 1
      }
      if ("cursor" in line && line.cursor !== undefined) await output.checkpoint(line.cursor)
      if (line.$export === "caught_up") progress.inSync(line.as_of, changes)
    }
  } finally {
    progress.end()
    await output.close()
  }
  throw new Error("The export ended while it was followed")
}
