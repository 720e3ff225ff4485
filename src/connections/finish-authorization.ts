import { AppError, CannotOpen } from "../errors.ts"
import type { Clock } from "../lib/clock.ts"
import { InvalidToken } from "../mailchimp/errors.ts"
import { isClientError } from "../mailchimp/oauth.ts"
import type { Sealer } from "../sealer.ts"
import {
  authorizationLifeMs,
  authorizationSchema,
  isSameBrowser,
  type Authorization,
} from "./authorization.ts"
import type { Connection, ConnectionMetadata, ConnectionStore, Owner, UsedStateStore } from "./connection.ts"
import { isAllowedForwardUrl, toOutcomeUrl, type FailureReason } from "./forward-url.ts"

/** What Mailchimp's redirect brought, and the cookie of the browser that followed it. */
type CallbackRequest = {
  readonly state: string | undefined
  readonly code: string | undefined
  /** Mailchimp's reason for not giving a code. Its set of codes is undocumented. */
  readonly error: string | undefined
  readonly browserSecret: string | undefined
  /** Opens the state and does nothing else: a HEAD request, as a link scanner sends it. */
  readonly looksOnly?: boolean
}

/**
 * Where the browser goes on to; with the failure, if there was one. A callback that is repeated after a login that
 * succeeded is a failure whose forward URL tells of the success.
 */
type AuthorizationOutcome = {
  readonly forwardUrl: string
  readonly failure?: AppError
  /** What the forward URL tells. */
  readonly reason?: FailureReason
}

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
 * Rejects with `invalid_state` if the state does not open, or if its forward URL is no longer allowed: there is no URL that
 * can be trusted then. Any later failure is an outcome, and the forward URL tells its reason. Only the browser that asked
 * for the login is told whether there is a connection.
 */
export function createFinishAuthorization(deps: {
  readonly connections: ConnectionStore
  readonly usedStates: UsedStateStore
  readonly sealer: Sealer
  readonly forwardUrlOrigins: readonly string[]
  readonly exchangeCode: (code: string) => Promise<string>
  readonly readMetadata: (accessToken: string) => Promise<ConnectionMetadata>
  readonly clock: Pick<Clock, "now" | "sleep">
  readonly randomId?: () => string
}): FinishAuthorization {
  const { connections, usedStates, sealer, clock, randomId = () => crypto.randomUUID() } = deps
  const underWay = new Map<string, Promise<void>>()

  return async (request) => {
    const authorization = await openState(request.state)
    const { forwardUrl } = authorization
    if (request.looksOnly) return { forwardUrl }
    const fail = (failure: AppError, reason: FailureReason): AuthorizationOutcome => ({
      forwardUrl: toOutcomeUrl(forwardUrl, reason),
      failure,
      reason,
    })
    if (authorization.expiresAt <= clock.now()) return outcomeOfOld(authorization, request, expired())
    if (!isSameBrowser(authorization, request.browserSecret)) return fail(otherBrowser(), "other_browser")
    if (request.error === undefined && request.code === undefined) return fail(noCode(), "exchange_failed")
    // Remembered for longer than the state lives, as the clocks of two replicas differ.
    const rememberedUntil = new Date(authorization.expiresAt + authorizationLifeMs)
    if (!(await usedStates.use(authorization.id, rememberedUntil)))
      return outcomeOfOld(authorization, request, finishedBefore())
    try {
      const connected = connect(authorization.owner, request)
      underWay.set(authorization.id, connected)
      await connected
      return { forwardUrl: toOutcomeUrl(forwardUrl) }
    } catch (failure) {
      if (!(failure instanceof AppError) || !isFailureReason(failure.code)) throw failure
      return fail(failure, reasonOf(failure.code, request.error ?? failure.upstream?.title))
    } finally {
      underWay.delete(authorization.id)
    }
  }

  /** A callback that was reloaded, a second tab, or a consent that took too long: what became of the login. */
  async function outcomeOfOld(
    authorization: Authorization,
    { error, browserSecret }: CallbackRequest,
    failure: AppError,
  ): Promise<AuthorizationOutcome> {
    const { owner, forwardUrl } = authorization
    const fail = (reason: FailureReason): AuthorizationOutcome => ({
      forwardUrl: toOutcomeUrl(forwardUrl, reason),
      failure,
      reason,
    })
    if (!isSameBrowser(authorization, browserSecret)) return fail("login_expired")
    if (error !== undefined) return fail(reasonOfError(error))
    // Reloaded while Mailchimp is still being asked.
    await underWay.get(authorization.id)?.catch(() => {})
    const existing = await connections.find(owner)
    const isConnected = existing !== undefined && !existing.tokenInvalidated
    return isConnected ? { forwardUrl: toOutcomeUrl(forwardUrl), failure } : fail("login_expired")
  }

  async function openState(state: string | undefined): Promise<Authorization> {
    if (state === undefined) throw invalidState("the callback has no state: start the login again")
    const content = await sealer.open(state, { purpose: "state" }).catch((cause: unknown) => {
      if (!(cause instanceof CannotOpen)) throw cause
      throw invalidState("its state was not made here: start the login again", cause)
    })
    const { data: authorization } = authorizationSchema.safeParse(content)
    if (authorization === undefined)
      throw invalidState("another version of this service began it: start the login again")
    if (!isAllowedForwardUrl(authorization.forwardUrl, deps.forwardUrlOrigins))
      throw invalidState("its forward URL is no longer allowed: start the login again")
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

function invalidState(reason: string, cause?: unknown): AppError {
  return new AppError("invalid_state", `Cannot finish the login as ${reason}`, { cause })
}

const expired = () => invalidState("it took more than ten minutes: start it again")
const finishedBefore = () => invalidState("it was finished before: start a new one")
const otherBrowser = () =>
  invalidState("another browser, or none with its cookie, started it: start it again in this one")

function noCode(): AppError {
  return new AppError(
    "invalid_parameter",
    "Cannot finish the login as the callback has neither a code nor an error",
    { errors: [{ name: "code", reason: "must be given, unless there is an error" }] },
  )
}

function refusal(error: string | undefined): AppError {
  return error === "access_denied"
    ? new AppError("access_denied", "Cannot connect the account as its user did not consent")
    : new AppError("exchange_failed", "Cannot connect the account as Mailchimp did not authorize it")
}

function reasonOfError(error: string): FailureReason {
  return error === "access_denied" ? "access_denied" : reasonOf("exchange_failed", error)
}

/** What an operator has to mend is told apart from what the user can: they may try again as often as they like. */
function reasonOf(code: FailureReason, oauthError: string | undefined): FailureReason {
  return code === "exchange_failed" && isClientError(oauthError) ? "client_rejected" : code
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
