import { afterAll, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { CompactSign, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose"
import { AppError } from "../../src/errors.ts"
import { signToken } from "../../src/dev/sign-token.ts"
import { createVerifier, toOwner } from "../../src/http/authenticate.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const secret = "a-secret-of-at-least-32-bytes-length"
const claims = { account_id: "acme", uid: "ada" }
const verify = createVerifier({ secret })

async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; detail: string }> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  return error instanceof AppError
    ? { code: error.code, detail: error.detail }
    : { code: "none", detail: String(error) }
}

const pair = await generateKeyPair("RS256", { extractable: true })
const jwk = { ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "RS256" }
let response: () => Response = () => Response.json({ keys: [jwk] })
const identityProvider = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  fetch: () => response(),
})
afterAll(() => identityProvider.stop(true))
const signRs256 = (payload: Record<string, unknown>) =>
  new SignJWT(payload)
    .setProtectedHeader({ alg: "RS256", kid: "k1" })
    .setExpirationTime("1h")
    .sign(pair.privateKey)

test("a token holds account, user and sub-accounts; sub replaces a missing uid", async () => {
  expect(await verify(await signToken({ ...claims, sub_accounts: ["s1"] }, secret, 60))).toEqual({
    accountId: "acme",
    uid: "ada",
    subAccounts: ["s1"],
    expiresAt: expect.any(Number),
  })
  expect(await verify(await signToken({ account_id: 17, sub: "ada" }, secret, 60))).toEqual({
    accountId: "17",
    uid: "ada",
    subAccounts: [],
    expiresAt: expect.any(Number),
  })
})

test.each([
  ["that has expired", () => signToken(claims, secret, -60), "it has expired"],
  [
    "signed with another secret",
    () => signToken(claims, `${secret}!`, 60),
    "its signature, algorithm or form is not valid",
  ],
  ["that is not a token", async () => "a.b.c", "its signature, algorithm or form is not valid"],
  [
    "that is not signed",
    async () => new UnsecuredJWT(claims).setExpirationTime("1h").encode(),
    "its signature, algorithm or form is not valid",
  ],
  [
    "signed with HS512",
    async () =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "HS512" })
        .sign(new TextEncoder().encode(secret.repeat(2))),
    "its signature, algorithm or form is not valid",
  ],
  [
    "without exp",
    () => new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret)),
    "its claim exp is missing",
  ],
  [
    "without an account",
    () => signToken({ uid: "ada" }, secret, 60),
    "must have the claims account_id and uid (or sub)",
  ],
  [
    "without a user",
    () => signToken({ account_id: "acme" }, secret, 60),
    "must have the claims account_id and uid (or sub)",
  ],
  [
    "with an empty account",
    () => signToken({ account_id: "", uid: "ada" }, secret, 60),
    "must have the claims",
  ],
])("a token %s is refused with the reason", async (_, makeToken, reason) => {
  const { code, detail } = await refusalOf(verify(await makeToken()))
  expect(code).toBe("unauthorized")
  expect(detail).toContain(reason)
})

/** A token with exactly this text of claims, which JSON.stringify may not be able to produce. */
const signText = (payload: string) =>
  new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret))

test.each([
  ["missing", ""],
  ["null", `,"exp":null`],
  ["a text", `,"exp":"4102444800"`],
  ["infinite", `,"exp":1e400`],
  ["infinite in the past", `,"exp":-1e400`],
  ["a list", `,"exp":[4102444800]`],
  ["given twice, the second time as infinite", `,"exp":4102444800,"exp":1e999`],
])("a token of which exp is %s is refused: it would never expire", async (_, exp) => {
  expect((await verify(await signText(`{"account_id":"acme","uid":"ada","exp":4102444800}`))).uid).toBe("ada")
  const { code, detail } = await refusalOf(verify(await signText(`{"account_id":"acme","uid":"ada"${exp}}`)))
  expect(code).toBe("unauthorized")
  expect(detail).toMatch(/its claim exp|expired/)
})

test("with a key set, a token must have a finite exp too", async () => {
  const verifyByKeySet = createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
  for (const exp of ["", `,"exp":1e400`]) {
    const token = await new CompactSign(new TextEncoder().encode(`{"account_id":"acme","uid":"ada"${exp}}`))
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .sign(pair.privateKey)
    expect((await refusalOf(verifyByKeySet(token))).detail).toContain("its claim exp")
  }
})

test.each([
  ["an account_id with a lone surrogate", String.raw`{"account_id":"a\ud800","uid":"ada"}`],
  ["an account_id with another lone surrogate", String.raw`{"account_id":"a\udfff","uid":"ada"}`],
  ["a uid with a lone surrogate", String.raw`{"account_id":"acme","uid":"\udc00\ud800"}`],
  ["a sub with a lone surrogate", String.raw`{"account_id":"acme","sub":"\ud83d"}`],
  [
    "a sub-account with a lone surrogate",
    String.raw`{"account_id":"acme","uid":"ada","sub_accounts":["\ud83d"]}`,
  ],
  ["an account_id of 257 characters", `{"account_id":"${"a".repeat(257)}","uid":"ada"}`],
  ["a uid of 257 characters", `{"account_id":"acme","uid":"${"a".repeat(257)}"}`],
  ["a number that is not exact", `{"account_id":9007199254740993,"uid":"ada"}`],
  ["a fraction", `{"account_id":1.5,"uid":"ada"}`],
])("a token with %s is refused, because two callers could share a row of the store", async (_, text) => {
  const { code, detail } = await refusalOf(verify(await signText(text.replace("{", `{"exp":4102444800,`))))
  expect(code).toBe("unauthorized")
  expect(detail).toContain("must have the claims")
})

test("a token with claims of 256 characters, and with complete surrogate pairs, is valid", async () => {
  const text = `{"exp":4102444800,"account_id":"${"a".repeat(256)}","uid":"\\ud83d\\ude00 ü \\u0000"}`
  expect(await verify(await signText(text))).toMatchObject({ accountId: "a".repeat(256), uid: "😀 ü \0" })
})

test.each([
  ["an exp 29 s ago", { exp: -29 }, true],
  ["an exp 31 s ago", { exp: -31 }, false],
  ["an nbf 2 s ahead", { exp: 60, nbf: 2 }, true],
  ["an nbf 30 s ahead", { exp: 60, nbf: 30 }, true],
  ["an nbf 31 s ahead", { exp: 60, nbf: 31 }, false],
])("clocks differ by 30 s at most: a token with %s", async (_, fromNow, isGood) => {
  const nowS = 1_714_564_800
  const verifyNow = createVerifier({ secret, clock: createVirtualClock(nowS * 1000) })
  const times = Object.fromEntries(Object.entries(fromNow).map(([name, seconds]) => [name, nowS + seconds]))
  const { code } = await refusalOf(verifyNow(await signText(JSON.stringify({ ...claims, ...times }))))
  expect(code).toBe(isGood ? "none" : "unauthorized")
})

test("issuer and audience are checked if they are set", async () => {
  const strict = createVerifier({ secret, issuer: "https://id.example.com", audience: "mailchimp-export" })
  const good = { ...claims, iss: "https://id.example.com", aud: "mailchimp-export" }
  expect((await strict(await signToken(good, secret, 60))).uid).toBe("ada")
  expect(
    (await refusalOf(strict(await signToken({ ...good, iss: "https://evil.example" }, secret, 60)))).detail,
  ).toContain("its claim iss")
  expect((await refusalOf(strict(await signToken({ ...good, aud: "other" }, secret, 60)))).detail).toContain(
    "its claim aud",
  )
})

test("with a key set a token of its key is accepted, and an HS256 token signed with the public key is not", async () => {
  const verifyByKeySet = createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
  expect((await verifyByKeySet(await signRs256(claims))).uid).toBe("ada")
  const forged = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", kid: "k1" })
    .sign(new TextEncoder().encode(JSON.stringify(jwk)))
  expect((await refusalOf(verifyByKeySet(forged))).code).toBe("unauthorized")
})

test("a compressed key set is inflated", async () => {
  const packed = gzipSync(JSON.stringify({ keys: [jwk] }))
  response = () => new Response(packed, { headers: { "content-encoding": "gzip" } })
  const verifyByKeySet = createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
  expect((await verifyByKeySet(await signRs256(claims))).uid).toBe("ada")
  response = () => Response.json({ keys: [jwk] })
})

test.each([
  ["cannot be reached", () => createVerifier({ jwksUrl: "http://127.0.0.1:1/jwks" })],
  [
    "fails",
    () => {
      response = () => new Response("away", { status: 503 })
      return createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
    },
  ],
  [
    "is not a key set",
    () => {
      response = () => Response.json({ nothing: true })
      return createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
    },
  ],
  [
    "becomes 300 MB",
    () => {
      const packed = gzipSync(Buffer.alloc(300 * 2 ** 20, " "))
      response = () => new Response(packed, { headers: { "content-encoding": "gzip" } })
      return createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
    },
  ],
  [
    "never ends",
    () => {
      const blanks = async function* () {
        for (let made = 0; made < 5000; made += 1) yield Buffer.alloc(2 ** 20, " ")
      }
      response = () => new Response(blanks())
      return createVerifier({ jwksUrl: `${identityProvider.url}jwks` })
    },
  ],
])("a key set that %s says nothing about the token: 503, not 401", async (_, makeVerifier) => {
  const verifyByKeySet = makeVerifier()
  Bun.gc(true)
  const before = process.memoryUsage().rss
  const refusal = await refusalOf(verifyByKeySet(await signRs256(claims)))
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20)
  response = () => Response.json({ keys: [jwk] })
  expect(refusal.code).toBe("identity_provider_unavailable")
})

test("toOwner() lets callers act only for themselves and for the sub-accounts of their token", () => {
  const caller = { accountId: "acme", uid: "ada", subAccounts: ["s1"] }
  expect(toOwner(caller, undefined)).toEqual({ accountId: "acme", uid: "ada" })
  expect(toOwner(caller, "s1")).toEqual({ accountId: "s1", uid: "ada" })
  expect(() => toOwner(caller, "s2")).toThrow(AppError)
})
