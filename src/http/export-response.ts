import type { Context } from "hono"
import type { Owner } from "../connections/connection.ts"
import type { OpenAccount } from "../connections/open-account.ts"
import type { ExportEvent } from "../exports/export-event.ts"
import type { StartExport } from "../exports/start-export.ts"
import type { StartFollow } from "../follow/start-follow.ts"
import { type Coding, compress } from "../lib/compress.ts"
import { createLentChunk } from "../lib/lent-chunk.ts"
import type { Observe } from "../observability/observe.ts"
import type { Caller } from "./authenticate.ts"
import type { ConcurrencyLimit } from "./concurrency.ts"
import type { ExportInput } from "./export-parameters.ts"
import { guardStall, idleTimeoutS, longestIdleTimeoutS, type ServerEnv, setIdleTimeout } from "./timeouts.ts"

export type ExportResponseDeps = {
  readonly openAccount: OpenAccount
  readonly startExport: StartExport
  readonly startFollow: StartFollow
  readonly followerLimit: ConcurrencyLimit
  readonly stallTimeoutMs: number
  readonly observe: Observe
}

type ExportEnv = ServerEnv & { Variables: { requestId: string } }

/**
 * Streams an export as a response. Until it ends it counts as running, and keeps its account and its connection's
 * time-outs.
 */
export function createExportResponse({
  openAccount,
  startExport,
  startFollow,
  followerLimit,
  stallTimeoutMs,
  observe,
}: ExportResponseDeps) {
  return async <E extends ExportEnv>(
    context: Context<E>,
    {
      caller,
      owner,
      headers,
      running,
      coding,
      hasEvents,
      follows,
      ...input
    }: Omit<ExportInput, "isDownload"> & {
      readonly caller: Caller
      readonly owner: Owner
      /** How the bytes are compressed, if at all. */
      readonly coding: Coding | undefined
      readonly headers: Readonly<Record<string, string>>
      readonly running: Disposable
    },
  ): Promise<Response> => {
    const { signal } = context.req.raw
    const requestId = context.get("requestId")
    const traceparent = context.req.header("traceparent")
    setIdleTimeout(context, longestIdleTimeoutS)
    const lent = createLentChunk()
    let follower: Disposable | undefined
    try {
      if (follows) follower = followerLimit.begin(caller)
      const account = await openAccount(owner, signal)
      const request = {
        ...input,
        signal,
        // When Bun's server requests the next chunk, it has already copied what the socket could not take.
        lent: context.env?.timeout === undefined ? undefined : lent,
        onEvent: (event: ExportEvent) => observe({ type: "export", requestId, traceparent, event }),
      }
      const bytes =
        follower === undefined
          ? await startExport({
              ...request,
              account: { ...account, [Symbol.dispose]: () => release(account, running) },
              eventsId: hasEvents ? requestId : undefined,
            })
          : await startFollow({
              ...request,
              account,
              owner,
              eventsId: requestId,
              expiresAt: caller.expiresAt,
              // From now on the response is no export, but only a follower.
              onCaughtUp: () => release(running),
              onEnd: () => release(running, follower),
            })
      // From here on the response may wait for Mailchimp as long as needed, and for its consumer until the stall
      // time-out.
      setIdleTimeout(context, 0)
      const guarded = guardStall(coding === undefined ? bytes : compress(bytes, coding, lent.copied), {
        stallTimeoutMs,
        onStall: () => {
          observe({ type: "export", requestId, event: { type: "stalled" } })
          setIdleTimeout(context, 1)
        },
        onEnd: () => setIdleTimeout(context, idleTimeoutS),
      })
      return new Response(guarded, { headers })
    } catch (error) {
      release(running, follower)
      setIdleTimeout(context, idleTimeoutS)
      throw error
    }
  }
}

function release(...acquired: readonly (Disposable | undefined)[]): void {
  for (const each of acquired) each?.[Symbol.dispose]()
}
