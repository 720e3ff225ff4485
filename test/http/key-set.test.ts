import { afterAll, beforeEach, expect, test } from "bun:test"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { AppError } from "../../src/errors.ts"
import { createVerifier, type VerifyToken } from "../../src/http/authenticate.ts"
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts"

/** An identity provider on a socket, with its current response and the number of its requests. */
let response: () => Response | Promise<Response>
let fetches = 0
const identityProvider = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  fetch: () => {
    fetches += 1
    return response()
  },
})
afterAll(() => identityProvider.stop(true))

const pairs = await Promise.all(
  Array.from({ length: 3 }, () => generateKeyPair("RS256", { extractable: true })),
)
const jwks = await Promise.all(
  pairs.map(async ({ publicKey }, index) => ({
    ...(await exportJWK(publicKey)),
    kid: `k${index}`,
    alg: "RS256",
  })),
)
const publish = (...keys: readonly object[]) => {
  response = () => Response.json({ keys })
}

/** A token of the n-th key; `kid` is the key's own unless it is given, and left out if it is null. */
async function sign(index: number, kid: string | null = `k${index}`): Promise<string> {
  const { privateKey } = pairs[index] ?? {}
  if (privateKey === undefined) throw new Error("no such key")
  return new SignJWT({ account_id: "acme", uid: "ada" })
    .setProtectedHeader({ alg: "RS256", ...(kid === null ? {} : { kid }) })
    .setExpirationTime(clock.now() / 1000 + 7 * 24 * 3600)
    .sign(privateKey)
}

let clock: VirtualClock
let verify: VerifyToken
beforeEach(() => {
  clock = createVirtualClock()
  fetches = 0
  publish(...jwks.slice(0, 1))
  verify = createVerifier({ jwksUrl: `${identityProvider.url}jwks`, clock })
})

/** The code of the refusal; "good" if there is none. */
async function judge(token: string): Promise<string> {
  const error = await verify(token).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error === undefined) return "good"
  return error instanceof AppError ? error.code : String(error)
}
const judgeAll = async (tokens: readonly string[]) => [...new Set(await Promise.all(tokens.map(judge)))]
const garbage = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, index) => sign(2, `garbage-${index}`)))

test("300 tokens of unknown keys, concurrently and one by one, cause one fetch besides the first, and then one per 30 s", async () => {
  expect(await judge(await sign(0))).toBe("good")
  await clock.advance(30_000)
  const tokens = await garbage(300)
  expect(await judgeAll(tokens)).toEqual(["unauthorized"])
  for (const token of tokens) await judge(token)
  expect(fetches).toBe(2)
  await clock.advance(30_000)
  expect(await judgeAll(tokens)).toEqual(["unauthorized"])
  expect(fetches).toBe(3)
})

test("300 tokens while the identity provider is down from the start cause one fetch per 5 s", async () => {
  response = () => new Response("away", { status: 503 })
  const tokens = [...(await garbage(299)), await sign(0)]
  expect(await judgeAll(tokens)).toEqual(["identity_provider_unavailable"])
  for (const token of tokens) await judge(token)
  expect(fetches).toBe(1)
  publish(...jwks)
  await clock.advance(5_000)
  expect(await judge(await sign(0))).toBe("good")
  expect(fetches).toBe(2)
})

test("texts that are no tokens, and tokens with an algorithm that is not accepted, cause no fetch at all", async () => {
  const none = `${btoa('{"alg":"none"}')}.${btoa("{}")}.`
  const hs256 = `${btoa('{"alg":"HS256","kid":"k0"}')}.e30.c2ln`
  expect(await judgeAll(["a.b.c", "x", none, hs256])).toEqual(["unauthorized"])
  expect(fetches).toBe(0)
})

test.each([
  ["refuses", () => new Response("away", { status: 503 })],
  ["responds with a page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  ["responds with other JSON", () => Response.json({ nothing: true })],
  ["redirects", () => Response.redirect("https://elsewhere.example/jwks")],
  ["sends 2 MB", () => Response.json({ keys: [jwks[0]], filler: "x".repeat(2 * 2 ** 20) })],
])(
  "an identity provider that %s: good tokens are good for a day with its last keys, then 503",
  async (_, fail) => {
    const token = await sign(0)
    expect(await judge(token)).toBe("good")
    response = fail
    for (let hour = 0; hour < 23; hour += 1) {
      await clock.advance(3_600_000)
      expect(await judge(token)).toBe("good")
    }
    await clock.advance(3_600_000)
    expect(await judge(token)).toBe("identity_provider_unavailable")
    publish(...jwks)
    await clock.advance(5_000)
    expect(await judge(token)).toBe("good")
  },
)

test("an identity provider that never responds: the first valid token waits 5 s, and no other token waits", async () => {
  const token = await sign(0)
  expect(await judge(token)).toBe("good")
  response = () => new Promise<Response>(() => {})
  await clock.advance(600_000)
  const startedMs = clock.monotonicMs()
  const first = judgeAll([token, token, token])
  expect(await clock.settle(first)).toEqual(["good"])
  expect(clock.monotonicMs() - startedMs).toBe(5_000)
  for (let made = 0; made < 20; made += 1) {
    // No time passes: a token that waited would wait forever.
    expect(await judge(token)).toBe("good")
    await clock.advance(1_000)
  }
  expect(fetches).toBeLessThanOrEqual(5)
})

test("while the identity provider is down, a token of an unknown key is a 503, not a 401: the key may be new", async () => {
  expect(await judge(await sign(0))).toBe("good")
  response = () => new Response("away", { status: 503 })
  await clock.advance(60_000)
  expect(await judge(await sign(1))).toBe("identity_provider_unavailable")
  expect(await judge(await sign(0))).toBe("good")
  expect(await judge(await sign(2, "k0"))).toBe("unauthorized")
})

test("a new key is found when its first token arrives, and a withdrawn key is not accepted after ten minutes", async () => {
  expect(await judge(await sign(0))).toBe("good")
  publish(...jwks.slice(1, 2))
  await clock.advance(30_000)
  expect(await judge(await sign(1))).toBe("good")
  publish(...jwks.slice(2))
  await clock.advance(600_000)
  expect(await judge(await sign(1))).toBe("unauthorized")
  expect(await judge(await sign(2))).toBe("good")
})

test("a token without a kid is valid if any of the keys verifies it, and otherwise a 401", async () => {
  publish(...jwks.slice(0, 2))
  expect(await judge(await sign(0, null))).toBe("good")
  expect(await judge(await sign(1, null))).toBe("good")
  expect(await judge(await sign(2, null))).toBe("unauthorized")
  publish(...jwks.slice(0, 2).map((key) => ({ ...key, kid: undefined })))
  await clock.advance(600_000)
  expect(await judge(await sign(1, null))).toBe("good")
  // A key that replaced a key with the same kid, or without one.
  publish(...jwks.slice(2).map((key) => ({ ...key, kid: undefined })))
  await clock.advance(30_000)
  expect(await judge(await sign(2, null))).toBe("good")
})

test("if two keys share a kid and one is broken, the other verifies its tokens", async () => {
  publish({ kty: "RSA", kid: "k0", alg: "RS256", n: "!", e: "AQAB" }, ...jwks.slice(0, 1))
  expect(await judge(await sign(0))).toBe("good")
})
