import { AppError, CannotOpen } from "../errors.ts"
import type { Clock } from "../lib/clock.ts"
import { InvalidToken } from "../mailchimp/errors.ts"
import type { Sealer } from "../sealer.ts"
import {
  authorizationLifeMs,
  authorizationSchema,
  isSameBrowser,
  type Authorization,
} from "./authorization.ts"
import type { Connection, ConnectionMetadata, ConnectionStore, Owner, UsedStateStore } from "./connection.ts"
import { toOutcomeUrl, type FailureReason } from "./forward-url.ts"

/** What Mailchimp's redirect brought, and the cookie of the browser that followed it. */
type CallbackRequest = {
  readonly state: string | undefined
  readonly code: string | undefined
  /** Mailchimp's reason for not giving a code. Its set of codes is undocumented. */
  readonly error: string | undefined
  readonly browserSecret: string | undefined
}

/** Where the browser goes on to; with the failure, where there was one. */
type AuthorizationOutcome = { readonly forwardUrl: string; readonly failure?: AppError }

export type FinishAuthorization = (request: CallbackRequest) => Promise<AuthorizationOutcome>

/** How often the metadata of a new token are read while Mailchimp does not know the token. */
const mostReadings = 3
const betweenReadingsMs = 1000

const failureReasons: readonly string[] = [
  "access_denied",
  "exchange_failed",
  "metadata_invalid",
  "connection_exists",
] satisfies FailureReason[]

/**
 * Ends a login: trusts the state only if it was sealed here, is not expired, was never used and came back in the
 * browser that asked for it; then exchanges the code, once, and stores the connection.
 *
 * The code is exchanged only after the state was marked as used, so that of two racing callbacks one never reaches
 * Mailchimp. Who gets the connection is decided by the store's unique index.
 *
 * Rejects with `invalid_state` where the state cannot be trusted, for then neither can the URL in it. Any later failure
 * is an outcome, and the forward URL tells its reason.
 */
export function createFinishAuthorization(deps: {
  readonly connections: ConnectionStore
  readonly usedStates: UsedStateStore
  readonly sealer: Sealer
  readonly exchangeCode: (code: string) => Promise<string>
  readonly readMetadata: (accessToken: string) => Promise<ConnectionMetadata>
  readonly clock: Pick<Clock, "now" | "sleep">
  readonly randomId?: () => string
}): FinishAuthorization {
  const { connections, usedStates, sealer, clock, randomId = () => crypto.randomUUID() } = deps

  return async (request) => {
    const authorization = await openState(request)
    if (request.error === undefined && request.code === undefined) {
      throw new AppError(
        "invalid_parameter",
        "Cannot finish the login as the callback has neither a code nor an error",
        {
          errors: [{ name: "code", reason: "must be given, unless there is an error" }],
        },
      )
    }
    // Remembered for longer than the state lives, as the clocks of two replicas differ.
    const rememberedUntil = new Date(authorization.expiresAt + authorizationLifeMs)
    if (!(await usedStates.use(authorization.id, rememberedUntil))) {
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as it was finished before: start a new one",
      )
    }
    try {
      await connect(authorization.owner, request)
      return { forwardUrl: toOutcomeUrl(authorization.forwardUrl) }
    } catch (failure) {
      if (!(failure instanceof AppError) || !isFailureReason(failure.code)) throw failure
      return { forwardUrl: toOutcomeUrl(authorization.forwardUrl, failure.code), failure }
    }
  }

  async function openState({ state, browserSecret }: CallbackRequest): Promise<Authorization> {
    if (state === undefined) {
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as the callback has no state: start the login again",
      )
    }
    const content = await sealer.open(state, { purpose: "state" }).catch((cause: unknown) => {
      if (!(cause instanceof CannotOpen)) throw cause
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as its state was not made here: start the login again",
        { cause },
      )
    })
    const { data: authorization } = authorizationSchema.safeParse(content)
    if (authorization === undefined) {
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as another version of this service began it: start the login again",
      )
    }
    if (authorization.expiresAt <= clock.now()) {
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as it took more than ten minutes: start it again",
      )
    }
    if (!isSameBrowser(authorization, browserSecret)) {
      throw new AppError(
        "invalid_state",
        "Cannot finish the login as another browser, or none with its cookie, started it: start it again in this one",
      )
    }
    return authorization
  }

  async function connect(owner: Owner, { code, error }: CallbackRequest): Promise<void> {
    if (error !== undefined || code === undefined) throw refusal(error)
    const existing = await connections.find(owner)
    if (existing !== undefined && !existing.tokenInvalidated) throw connectionExists()
    const accessToken = await deps.exchangeCode(code)
    const metadata = await readNewMetadata(accessToken)
    if (existing !== undefined) await connections.delete(existing)
    const inserted = await connections.insert({
      id: existing !== undefined && isSameUser(existing, metadata) ? existing.id : randomId(),
      owner,
      accessToken,
      metadata,
      connectedAt: new Date(clock.now()),
    })
    if (!inserted) throw connectionExists()
  }

  /** A token of this very second may not be known to all of Mailchimp's servers, and its code is used up. */
  async function readNewMetadata(accessToken: string): Promise<ConnectionMetadata> {
    for (let made = 1; ; made += 1) {
      try {
        return await deps.readMetadata(accessToken)
      } catch (error) {
        if (!(error instanceof InvalidToken) || made === mostReadings) throw error
        await clock.sleep(betweenReadingsMs)
      }
    }
  }
}

function refusal(error: string | undefined): AppError {
  return error === "access_denied"
    ? new AppError("access_denied", "Cannot connect the account as its user did not consent")
    : new AppError("exchange_failed", "Cannot connect the account as Mailchimp did not authorize it")
}

function connectionExists(): AppError {
  return new AppError(
    "connection_exists",
    "Cannot connect another account as one is connected: disconnect it first",
  )
}

/** The same user of the same data center: a cursor of the old connection is good for the new one. */
function isSameUser({ metadata: old }: Connection, metadata: ConnectionMetadata): boolean {
  return old.userId !== undefined && old.userId === metadata.userId && old.dc === metadata.dc
}

function isFailureReason(code: string): code is FailureReason {
  return failureReasons.includes(code)
}
