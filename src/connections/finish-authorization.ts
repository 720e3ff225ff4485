import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import { InvalidToken } from "../mailchimp/errors.ts"
import { isClientError } from "../mailchimp/oauth-responses.ts"
import type { Sealer } from "../sealer.ts"
import {
  authorizationLifeMs,
  invalidState,
  isSameBrowser,
  openAuthorization,
  type Authorization,
} from "./authorization.ts"
import type { Connection, ConnectionMetadata, ConnectionStore, Owner, UsedStateStore } from "./connection.ts"
import type { Disconnect } from "./disconnect.ts"
import { toOutcomeUrl, type FailureReason } from "./forward-url.ts"

/** The parameters of Mailchimp's redirect, and the cookie of the browser that followed the redirect. */
type CallbackRequest = {
  readonly state: string | undefined
  readonly code: string | undefined
  /** Mailchimp's error code if it did not issue a code. The set of error codes is undocumented. */
  readonly error: string | undefined
  readonly browserSecret: string | undefined
  /** For a HEAD request, e.g. from a link scanner: opens the state and does nothing else. */
  readonly isHead?: boolean
}

/**
 * Where to redirect the browser, and the failure, if there was one. A callback that is repeated after a successful login
 * is a failure whose forward URL reports success.
 */
type AuthorizationOutcome = {
  readonly forwardUrl: string
  readonly failure?: AppError
  /** The reason in the forward URL. */
  readonly reason?: FailureReason
}

export type FinishAuthorization = (request: CallbackRequest) => Promise<AuthorizationOutcome>

/** How often the metadata are requested while Mailchimp does not know the new token. */
const maxAttempts = 3
const retryDelayMs = 1000

const failureReasons: readonly string[] = [
  "access_denied",
  "exchange_failed",
  "metadata_invalid",
  "connection_exists",
] satisfies FailureReason[]

/**
 * Finishes a login: accepts the state only if it was sealed here, has not expired, was never used and comes from the
 * browser that started the login; then exchanges the code, once, and stores the connection.
 *
 * The state is marked as used before the code is exchanged, so that only one of two racing callbacks reaches Mailchimp.
 * The store's unique index decides which connection is kept.
 *
 * Rejects with `invalid_state` if the state does not open or its forward URL is no longer allowed, because no URL can be
 * trusted then. Every later failure is an outcome whose reason is in the forward URL. Only the browser that started the
 * login learns whether a connection exists.
 */
export function createFinishAuthorization(deps: {
  readonly connections: ConnectionStore
  readonly forget: Disconnect["forget"]
  readonly usedStates: UsedStateStore
  readonly sealer: Sealer
  readonly forwardUrlOrigins: readonly string[]
  readonly exchangeCode: (code: string) => Promise<string>
  readonly readMetadata: (accessToken: string) => Promise<ConnectionMetadata>
  readonly clock: Pick<Clock, "now" | "sleep">
  readonly randomId?: () => string
}): FinishAuthorization {
  const { connections, usedStates, sealer, clock, randomId = () => crypto.randomUUID() } = deps
  const inFlight = new Map<string, Promise<void>>()

  return async (request) => {
    const authorization = await openAuthorization(request.state, sealer, deps.forwardUrlOrigins)
    const { forwardUrl } = authorization
    if (request.isHead) return { forwardUrl }
    const fail = (failure: AppError, reason: FailureReason): AuthorizationOutcome => ({
      forwardUrl: toOutcomeUrl(forwardUrl, reason),
      failure,
      reason,
    })
    if (authorization.expiresAt <= clock.now()) return staleOutcome(authorization, request, expired())
    if (!isSameBrowser(authorization, request.browserSecret)) return fail(otherBrowser(), "other_browser")
    if (request.error === undefined && request.code === undefined) return fail(noCode(), "exchange_failed")
    // Remembered longer than the state is valid, because the clocks of two replicas differ.
    const rememberedUntil = new Date(authorization.expiresAt + authorizationLifeMs)
    if (!(await usedStates.use(authorization.id, rememberedUntil)))
      return staleOutcome(authorization, request, finishedBefore())
    try {
      const connected = connect(authorization.owner, request)
      inFlight.set(authorization.id, connected)
      await connected
      return { forwardUrl: toOutcomeUrl(forwardUrl) }
    } catch (failure) {
      if (!(failure instanceof AppError) || !isFailureReason(failure.code)) throw failure
      return fail(failure, reasonOf(failure.code, request.error ?? failure.upstream?.title))
    } finally {
      inFlight.delete(authorization.id)
    }
  }

  /** The outcome of the login for a reloaded callback, a second tab, or a consent that took too long. */
  async function staleOutcome(
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
    // The callback was reloaded while the first one still waits for Mailchimp.
    await inFlight.get(authorization.id)?.catch(() => {})
    const existing = await connections.find(owner)
    const isConnected = existing !== undefined && !existing.tokenInvalidated
    return isConnected ? { forwardUrl: toOutcomeUrl(forwardUrl), failure } : fail("login_expired")
  }

  async function connect(owner: Owner, { code, error }: CallbackRequest): Promise<void> {
    if (error !== undefined || code === undefined) throw refusal(error)
    const existing = await connections.find(owner)
    if (existing !== undefined && !existing.tokenInvalidated) throw connectionExists()
    const accessToken = await deps.exchangeCode(code)
    const metadata = await readNewMetadata(accessToken, deps.readMetadata, clock)
    // Another Mailchimp user takes nothing over. Also finishes a disconnection that was interrupted.
    if (existing !== undefined && isSameUser(existing, metadata)) await connections.delete(existing)
    else await deps.forget(owner, existing)
    const inserted = await connections.insert({
      id: existing !== undefined && isSameUser(existing, metadata) ? existing.id : randomId(),
      owner,
      accessToken,
      metadata,
      connectedAt: new Date(clock.now()),
    })
    if (!inserted) throw connectionExists()
  }
}

/** Retries, because not all of Mailchimp's servers may know a brand-new token yet, and its code cannot be used again. */
async function readNewMetadata(
  accessToken: string,
  readMetadata: (accessToken: string) => Promise<ConnectionMetadata>,
  clock: Pick<Clock, "sleep">,
): Promise<ConnectionMetadata> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readMetadata(accessToken)
    } catch (error) {
      if (!(error instanceof InvalidToken) || attempt === maxAttempts) throw error
      await clock.sleep(retryDelayMs)
    }
  }
}

const expired = () => invalidState("it took more than ten minutes: start it again")
const finishedBefore = () => invalidState("it is already finished: start a new one")
const otherBrowser = () =>
  invalidState(
    "it was started in another browser, or this browser has lost its cookie: start it again in this one",
  )

function noCode(): AppError {
  return new AppError(
    "invalid_parameter",
    "Cannot finish the login because the callback has neither a code nor an error",
    { errors: [{ name: "code", reason: "must be given, unless there is an error" }] },
  )
}

function refusal(error: string | undefined): AppError {
  return error === "access_denied"
    ? new AppError("access_denied", "Cannot connect the account because its user did not consent")
    : new AppError("exchange_failed", "Cannot connect the account because Mailchimp did not authorize it")
}

function reasonOfError(error: string): FailureReason {
  return error === "access_denied" ? "access_denied" : reasonOf("exchange_failed", error)
}

/** Distinguishes what an operator must fix: the user cannot, however often they retry. */
function reasonOf(code: FailureReason, oauthError: string | undefined): FailureReason {
  return code === "exchange_failed" && isClientError(oauthError) ? "client_rejected" : code
}

function connectionExists(): AppError {
  return new AppError(
    "connection_exists",
    "Cannot connect another account because one is already connected: disconnect it first",
  )
}

/** Whether both are the same user of the same data center; cursors of the old connection then stay valid. */
function isSameUser({ metadata: old }: Connection, metadata: ConnectionMetadata): boolean {
  return old.userId !== undefined && old.userId === metadata.userId && old.dc === metadata.dc
}

function isFailureReason(code: string): code is FailureReason {
  return failureReasons.includes(code)
}
