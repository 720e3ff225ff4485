import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose"
import { type Clock, systemClock, withTimeout } from "../lib/time.ts"
import type { Fetch } from "../lib/fetch.ts"
import { readBody } from "../lib/read-body.ts"

/** The keys are unavailable now, which says nothing about a token. */
class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable"
}

/** Verifies a token with the platform's published keys. Rejects with jose's errors, or with {@link KeysUnavailable}. */
export type VerifyWithKeySet = (token: string, claims: JWTVerifyOptions) => Promise<JWTPayload>

type Find = JWTVerifyGetKey
type Keys = { readonly find: Find; readonly readAtMs: number }

const timeoutMs = 5_000
/** A key set has a few kilobytes. */
const maxKeySetBytes = 2 ** 20
/** Older keys are fetched again before they are used. */
const freshMs = 10 * 60_000
/** If they cannot be fetched again, the old keys stay valid for a day: an identity provider may be down for hours. */
const usableMs = 24 * 3_600_000
/** The pause between fetches for tokens that fit no key: invalid tokens must not each cause a request. */
const unknownKeyPauseMs = 30_000
/** The pause after a failed fetch. */
const failurePauseMs = 5_000

/**
 * A key set allows only these: if HS256 were allowed too, tokens signed with a public key would be accepted (RFC
 * 8725, 3.1).
 */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]

/**
 * The keys at a URL, fetched when they are needed: at first, once they are ten minutes old, and when a token fits none of
 * them, because the platform may have a new key. There is one fetch at a time, with a pause after each, so that neither
 * invalid tokens nor an outage cause many requests to the identity provider.
 */
export function createKeySet(options: {
  readonly url: string
  readonly fetch?: Fetch
  readonly clock?: Clock
}): VerifyWithKeySet {
  const { url, fetch = globalThis.fetch, clock = systemClock } = options
  let keys: Keys | undefined
  let triedAtMs = -Infinity
  let failure: unknown
  let reading: Promise<void> | undefined

  const read = async () => {
    try {
      const find = createLocalJWKSet(await fetchKeySet(url, fetch, clock))
      keys = { find, readAtMs: clock.monotonicMs() }
      failure = undefined
    } catch (error) {
      failure = error
    } finally {
      triedAtMs = clock.monotonicMs()
      reading = undefined
    }
  }
  const readOnce = () => (reading ??= read())
  const isPaused = (pauseMs: number) => reading === undefined && clock.monotonicMs() - triedAtMs < pauseMs
  const ageMs = () => (keys === undefined ? Infinity : clock.monotonicMs() - keys.readAtMs)

  const usableKeys = async (): Promise<Keys> => {
    const hasFailed = failure !== undefined
    if (ageMs() >= freshMs && !(hasFailed && isPaused(failurePauseMs))) {
      const done = readOnce()
      // While the identity provider is down, valid tokens must not wait for the time-out of a fetch.
      if (!hasFailed || ageMs() >= usableMs) await done
    }
    if (keys !== undefined && ageMs() < usableMs) return keys
    throw new KeysUnavailable("Cannot read the key set", { cause: failure })
  }

  return async (token, claims) => {
    const verify = (find: Find) => verifyWithAny(token, find, { ...claims, algorithms })
    let used: Keys | undefined
    try {
      // Fetch keys only for a token that is well formed and signed by one of the algorithms.
      return await verify(async (...header) => {
        used = await usableKeys()
        return used.find(...header)
      })
    } catch (error) {
      if (!isAboutKey(error)) throw error
      const pauseMs = failure === undefined ? unknownKeyPauseMs : failurePauseMs
      if (used === keys && !isPaused(pauseMs)) await readOnce()
      if (keys !== undefined && used !== keys) return await verify(keys.find)
      // The token's key may be a new key that could not be fetched.
      const isUnknown = error instanceof errors.JWKSNoMatchingKey && failure !== undefined
      throw isUnknown ? new KeysUnavailable("Cannot read the key set again", { cause: failure }) : error
    }
  }
}

/** Whether the token's key may be missing from the set. */
function isAboutKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed
}

/** A token without a `kid` may fit several keys: it is valid if any of them verifies it. */
async function verifyWithAny(token: string, find: Find, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, find, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

async function fetchKeySet(url: string, fetch: Fetch, clock: Clock): Promise<JSONWebKeySet> {
  const { bytes } = await withTimeout(
    async (signal) => {
      const response = await fetch(url, {
        // Fetch would inflate a body without a limit. A body that is compressed nevertheless is inflated here, with a
        // limit.
        headers: { accept: "application/json, application/jwk-set+json", "accept-encoding": "identity" },
        decompress: false,
        redirect: "manual",
        signal,
      })
      const body = await readBody(response, { maxBytes: maxKeySetBytes })
      if (response.status !== 200)
        throw new Error(`Cannot read the key set: the response has status ${response.status}`)
      return body
    },
    { timeoutMs, clock },
  )
  return JSON.parse(new TextDecoder().decode(bytes))
}
