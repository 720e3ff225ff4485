import type { MiddlewareHandler } from "hono"
import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from "jose"
import { z } from "zod"
import type { Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import { createKeySet } from "./key-set.ts"

/** The account and the user that call us, from their JWT. */
export type Caller = {
  readonly accountId: string
  readonly uid: string
  /** The sub-accounts that they may act for. */
  readonly subAccounts: readonly string[]
  /** When their token expires, in seconds since the epoch. */
  readonly expiresAt: number
}

/** Checks a bearer token. Rejects with `unauthorized`, or with `identity_provider_unavailable`. */
export type VerifyToken = (token: string) => Promise<Caller>

export type VerifierOptions = {
  /** The secret of HS256 tokens; set this or `jwksUrl`. */
  readonly secret?: string | undefined
  /** The URL of the keys of RS, ES or EdDSA tokens. */
  readonly jwksUrl?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  readonly clock?: Clock
}

/** What authenticated routes find in their context. */
export type CallerEnv = { Variables: { caller: Caller } }

/**
 * Lone surrogates become the same bytes in a database, so two callers would share a row. Two whole numbers that are not
 * exact as a JSON number would also become equal, so z.int() refuses them.
 */
const id = z.union([
  z
    .string()
    .min(1)
    .max(256)
    .refine((text) => text.isWellFormed()),
  z.int().transform(String),
])
const claimsSchema = z.object({
  account_id: id,
  uid: id.optional(),
  sub: id.optional(),
  sub_accounts: z.array(id).default([]),
})

/** The platform's clock and ours may differ by this many seconds: `exp` and `nbf` are compared with that tolerance. */
const toleranceS = 30

/**
 * Verifies the platform's JWTs: signature, expiry, and issuer and audience if they are set. Every token must expire: a
 * leaked token without `exp` would be valid until the secret changes.
 */
export function createVerifier(options: VerifierOptions): VerifyToken {
  const { secret, jwksUrl, issuer, audience, clock = systemClock } = options
  const claims = () => ({
    requiredClaims: ["exp"],
    clockTolerance: toleranceS,
    currentDate: new Date(clock.now()),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  })
  const verify = jwksUrl === undefined ? withSecret(secret ?? "") : withKeySet(jwksUrl, clock)
  return async (token) => toCaller(await verify(token, claims()))
}

/** Lets only requests with a valid bearer token pass, and tells the routes who the caller is (RFC 6750). */
export function authenticate(verifyToken: VerifyToken): MiddlewareHandler<CallerEnv> {
  return async (context, next) => {
    const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(context.req.header("authorization") ?? "")?.[1]
    if (token === undefined) {
      throw new AppError(
        "unauthorized",
        "Cannot identify the caller: send the header Authorization: Bearer <JWT>",
      )
    }
    context.set("caller", await verifyToken(token))
    // What belongs to one caller, such as a connection or lists, must not be cached.
    context.header("cache-control", "no-store")
    await next()
  }
}

/**
 * The owner of the connection that a request is about: the caller, or a sub-account that the caller's token names.
 *
 * @throws AppError `sub_account_forbidden`
 */
export function toOwner(caller: Omit<Caller, "expiresAt">, subAccountId: string | undefined): Owner {
  if (subAccountId === undefined) return { accountId: caller.accountId, uid: caller.uid }
  if (!caller.subAccounts.includes(subAccountId)) {
    throw new AppError(
      "sub_account_forbidden",
      "Cannot act for this sub-account because the token's sub_accounts do not include it",
    )
  }
  return { accountId: subAccountId, uid: caller.uid }
}

type VerifyPayload = (token: string, claims: JWTVerifyOptions) => Promise<JWTPayload>

function withSecret(secret: string): VerifyPayload {
  const key = new TextEncoder().encode(secret)
  return async (token, claims) => {
    const { payload } = await jwtVerify(token, key, { ...claims, algorithms: ["HS256"] }).catch(refuse)
    return payload
  }
}

function withKeySet(jwksUrl: string, clock: Clock): VerifyPayload {
  const verify = createKeySet({ url: jwksUrl, clock })
  return (token, claims) => verify(token, claims).catch(refuse)
}

function toCaller(payload: JWTPayload): Caller {
  // JSON's 1e400 is Infinity, which is later than any date.
  const expiresAt = payload.exp ?? Infinity
  if (!Number.isFinite(expiresAt)) {
    throw new AppError(
      "unauthorized",
      "Cannot accept the token because its claim exp is not a number of seconds",
    )
  }
  const { data: claims } = claimsSchema.safeParse(payload)
  const uid = claims?.uid ?? claims?.sub
  if (claims === undefined || uid === undefined) {
    throw new AppError(
      "unauthorized",
      "Cannot identify the caller: the token must have the claims account_id and uid (or sub), each a well-formed text of 256 characters at most, and sub_accounts, if any, as a list of strings",
    )
  }
  return { accountId: claims.account_id, uid, subAccounts: claims.sub_accounts, expiresAt }
}

/**
 * The caller can correct an invalid token. If the keys are unavailable, the caller cannot, and the token may be
 * valid.
 */
function refuse(cause: unknown): never {
  const keysMissing = !(cause instanceof errors.JOSEError) || cause instanceof errors.JWKSInvalid
  if (keysMissing) {
    throw new AppError(
      "identity_provider_unavailable",
      "Cannot verify the token because the platform's keys are unavailable now",
      { cause, retryAfterS: 5 },
    )
  }
  const reason =
    cause instanceof errors.JWTExpired
      ? "it has expired: send a new one"
      : cause instanceof errors.JWTClaimValidationFailed
        ? `its claim ${cause.claim} is ${toClaimFault(cause)}`
        : "its signature, algorithm or form is not valid: send a JWT that your platform signed"
  throw new AppError("unauthorized", `Cannot accept the token because ${reason}`, { cause })
}

const claimFaults: Readonly<Record<string, string>> = {
  nbf: "in the future, or not a number of seconds",
  iss: "not the one that JWT_ISSUER names",
  aud: "not the one that JWT_AUDIENCE names",
}

function toClaimFault({ claim, reason }: errors.JWTClaimValidationFailed): string {
  return reason === "missing" ? "missing" : (claimFaults[claim] ?? "not valid")
}
