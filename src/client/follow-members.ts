import { createBackOff } from "./back-off.ts"
import { type ExportOptions, toQuery } from "./export-options.ts"
import type { Member } from "./member.ts"
import { createOpen, keyOf } from "./open-export.ts"
import { readSteps } from "./resume.ts"
import { sleep } from "./sleep.ts"
import type { DeletedLine } from "./types.ts"

/** Without an upper bound, because what follows has none. By default 100 retries without anything new: a quarter of an hour. */
export type FollowOptions = Omit<ExportOptions, "before">

/** What happened, in this order: members were added or changed, and then something was deleted. */
export type Change<M> = {
  readonly members: M[]
  /** A list with all of its members; or, if it has an `id`, one member, who may have another id now. */
  readonly deleted: DeletedLine | undefined
  /** Covers this change and all before it: store both together, and continue from it after a crash. */
  readonly cursor: string | undefined
  /** Everything up to this second was delivered. Undefined while there is more. */
  readonly asOf: string | undefined
}

/**
 * Exports members, or continues from `cursor`, and then follows what changes, until `signal` aborts. A broken response is
 * resumed by itself; a change may come twice then, and the last one counts.
 *
 * @throws {MailchimpExportError} if a retry makes no sense, e.g. `disconnected` or `connection_invalidated`
 */
export function followMembers(
  options: FollowOptions & { readonly fields?: undefined; readonly excludeFields?: undefined },
): AsyncGenerator<Change<Member>>
export function followMembers(options: FollowOptions): AsyncGenerator<Change<Partial<Member>>>
export async function* followMembers(options: FollowOptions): AsyncGenerator<Change<Partial<Member>>> {
  const { maxRetries = 100, onProgress = () => {}, signal } = options
  const backOff = createBackOff(maxRetries, Math.random)
  let { cursor } = options
  let rows = 0
  const steps = readSteps<Partial<Member>>({
    cursor,
    open: createOpen(options, { ...toQuery(options), follow: "true" }),
    backOff,
    keyOf,
    onRetry: (error) => onProgress({ rows, estimate: 0, error }),
    sleep,
    signal,
  })
  for await (const { rows: members, line } of steps) {
    const isCaughtUp = line.$export === "caught_up"
    // Nothing else may change for days.
    if (isCaughtUp) backOff.progress()
    if ("cursor" in line) ({ cursor } = line)
    rows += members.length
    const deleted = line.$export === "deleted" ? line : undefined
    const asOf = isCaughtUp ? line.as_of : undefined
    if (members.length > 0 || deleted || isCaughtUp) yield { members, deleted, cursor, asOf }
  }
}
