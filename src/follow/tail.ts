import type { OpenAccount } from "../connections/open-account.ts"
import { AppError, disconnected } from "../errors.ts"
import type { Cursor } from "../exports/cursor/cursor.ts"
import { abortable } from "../lib/time.ts"
import { createBacklog, type Reader } from "./backlog.ts"
import type { Followed } from "./followed.ts"
import { keepFollowersAlive } from "./keep-followers-alive.ts"
import { createPass, type PassDeps } from "./pass.ts"
import { createPauses } from "./pauses.ts"

export type TailDeps = PassDeps & { readonly openAccount: OpenAccount }

/** What followers of the same account and selection share: the account is read once for all of them. */
export type Tail = {
  /** Resolves to a reader of everything after the cursor, at the beginning of the next pass. It may repeat rows. */
  join(cursor: Cursor, signal: AbortSignal): Promise<Reader>
  /** Reads until the signal aborts, or something fails: then all readers do. */
  run(signal: AbortSignal): Promise<void>
  /** Looks for new deliveries now instead of within a second. */
  wake(): void
  /** How many follow. */
  size(): number
}

type Joining = { readonly cursor: Cursor; readonly signal: AbortSignal; attach(): void }

/** How often to look for new deliveries, of this replica and others, if nothing wakes the tail. */
const tickS = 1

export function createTail(followed: Followed, deps: TailDeps): Tail {
  const { owner, connectionId } = followed
  const backlog = createBacklog()
  const pauses = createPauses()
  let joining: Joining[] = []
  let failure: { readonly error: unknown } | undefined

  const attach = (those: readonly Joining[]) => {
    for (const each of those) if (!each.signal.aborted) each.attach()
  }

  return {
    join: (cursor, signal) => {
      const { promise, resolve } = Promise.withResolvers<Reader>()
      const each = { cursor, signal, attach: () => resolve(backlog.attach(signal)) }
      if (failure === undefined) joining.push(each)
      else each.attach()
      return abortable(promise, signal)
    },

    run: async (signal) => {
      try {
        using account = await deps.openAccount(owner, signal)
        // The owner has disconnected and connected again.
        if (account.connection.id !== connectionId) throw disconnected()
        void keepFollowersAlive(backlog, deps.clock, signal).catch(() => {})
        const pass = createPass(followed, { ...deps, account, backlog, signal })
        for (;;) {
          const joined = joining
          joining = []
          for (const { cursor } of joined) pass.rewind(cursor)
          attach(joined)
          const hasRead = await pass.run(joined.length > 0)
          await pauses.pause((signal) => account.client.pause(tickS, signal), { hasRead, signal })
        }
      } catch (error) {
        failure = { error: isGone(error) ? disconnected() : error }
        attach(joining)
        backlog.fail(failure.error)
      }
    },

    wake: pauses.wake,
    size: () => backlog.readers() + joining.length,
  }
}

/** The connection was deleted before it was opened again. */
function isGone(error: unknown): boolean {
  return error instanceof AppError && error.code === "access_token_not_found"
}
