import { describe, expect, test } from "bun:test"
import { createVirtualClock } from "../support/virtual-clock.ts"
import { createRedaction } from "../../src/lib/redaction.ts"
import { spellingsOf } from "../../src/lib/spellings.ts"

const { redact, redactShort } = createRedaction()

describe("redact()", () => {
  test.each([
    "ada.lovelace+x@example.co.uk",
    "ada @ example.com",
    "ada@ example.com",
    "ada @example.com",
    "ada%20@%20example.com",
    "ada%40example.com",
    "ada %40 example.com",
    "ada%20%40%20example.com",
    "ada+%40+example.com",
    "ada%2540example.com",
    "ada\\u0040example.com",
    "ada&#64;example.com",
    "ada&#x40;example.com",
    "ada＠example.com",
    "ada\t@\texample.com",
    "ada\u00a0@\u00a0example.com",
    '"ada lovelace"@example.com',
    "ånn.o'neil+x@exämple.com",
    "ada @ пример.рф",
    "ada@xn--e1afmkfd.xn--p1ai",
    "ada@localhost",
  ])("masks the address %s, wherever it stands", (address) => {
    for (const shortened of [redact, redactShort]) {
      expect(shortened(`Not ${address} here`)).toBe("Not [address] here")
      expect(shortened(`Not <${address}>, here`)).toBe("Not <[address]>, here")
      expect(shortened(`Not (${address}; here)`)).toBe("Not ([address]; here)")
      expect(shortened(`{"a":"x=${address}"}`)).not.toMatch(/ada|lovelace|neil|ex.mple|рф|localhost/)
    }
  })

  test.each([
    "at run (/app/node_modules/@hono/zod-openapi/dist/index.js:12:3)",
    "at run (/app/node_modules/.bun/react@18.2.0/node_modules/react/index.js:1:2)",
    "3 lists @ once",
    "OAuth error, Bearer missing, Basic plan",
    "list a1b2c3d4e5 of us19 at 2026-11-22T17:52:36.905Z",
    "0b0e5f0e-6d0b-4b0e-8d0e-000000000000",
  ])("leaves %s", (text) => {
    expect(redact(text)).toBe(text)
  })

  test.each([
    ["Authorization: Bearer 0123-us1", "Authorization: Bearer [token]"],
    ["Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"],
    ["Basic dXNlcjpwYXNzd29yZA==", "Basic [token]"],
    [
      "https://user:pw@host/x and mongodb://u:p@a,b/x",
      "https://[credentials]@host/x and mongodb://[credentials]@a,b/x",
    ],
    ["token eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJhIn0.c2ln end", "token [token] end"],
    ["key 0123456789abcdef0123456789abcdef-us19", "key [hex]"],
    ["https://x/callback?code=abc&state=def", "https://x/callback?code=[value]&state=[value]"],
    ['{"access_token":"abc","scope":null}', '{"access_token":"[value]","scope":null}'],
    ['{\\"client_secret\\": \\"abc\\"}', '{\\"client_secret\\":"[value]"}'],
  ])("%s becomes %s", (text, masked) => {
    expect(redact(text).replaceAll('\\"client', '"client').replaceAll('{"client', '{\\"client')).toBe(masked)
  })

  test("knows each secret in every spelling, and the longest first", () => {
    const { redact } = createRedaction(["pass/word", "pass/word of all"])
    expect(redact("a pass/word of all b pass%2fword c pass\\/word")).toBe("a [secret] b [secret] c [secret]")
    expect(redact(`Basic ${btoa("x:pass/word")}`)).not.toContain("cGFzcy")
    for (const before of ["", "1", "12", "123"])
      expect(redact(btoa(`${before}pass/word`))).toContain("[secret]")
  })

  test("a secret of three letters or fewer masks no other text", () => {
    expect(createRedaction(["a", "", " ", "id"]).redact("a valid id")).toBe("a valid id")
  })

  test("learns tokens, and forgets the least recently used", () => {
    const { redact, learn } = createRedaction(["lasting"])
    learn("token-first")
    for (let made = 0; made < 255; made += 1) learn(`token-${made}-`)
    learn("token-first")
    learn("token-last")
    expect(redact("token-first token-0- token-1- token-last lasting")).toBe(
      "[secret] token-0- [secret] [secret] [secret]",
    )
  })

  test("is fast for long and hostile texts, also with the maximum number of secrets", () => {
    const { redact, learn } = createRedaction(
      Array.from({ length: 20 }, (_, index) => `lasting/secret+${index}`),
    )
    for (let made = 0; made < 256; made += 1) learn(`${made}`.padStart(32, "0") + "-us19")
    const texts = ["x", "@", "a@", "a ", "a @ ", "%40", '"', "://", "://a:", "Bearer ", "eyJ", 'token":"\\']
    for (const part of texts) {
      const text = part.repeat(14_000 / part.length)
      const before = process.cpuUsage()
      redact(text)
      const { user } = process.cpuUsage(before)
      expect([part, user < 250_000]).toEqual([part, true])
    }
  })
})

test("redactShort() returns one line of 300 characters at most, which does not end in half an address", () => {
  expect(redactShort("a\nb\r\n\u0007c")).toBe("a b c")
  expect(redactShort("x ".repeat(5000))).toHaveLength(300)
  expect(redactShort(`${"y".repeat(280)} ada@example.com ${"z".repeat(2000)}`)).toBe(
    `${"y".repeat(280)} [address] `,
  )
})

test("no spelling of a secret is short", () => {
  for (const secret of ["abcd", "p@ss", "ä".repeat(4), "\ud83d-lone", `${"k".repeat(43)}=`])
    expect(spellingsOf(secret).filter((text) => text.length < 4)).toEqual([])
})

test("a learned secret is forgotten when it was not learned again for a minute and a half, and no timer is left", async () => {
  const clock = createVirtualClock()
  const { redact, learn } = createRedaction(["lasting-secret"], clock)
  learn("used-secret")
  learn("other-secret")
  for (let passed = 0; passed < 90; passed += 10) {
    await clock.advance(10_000)
    learn("used-secret")
  }
  expect(redact("used-secret other-secret lasting-secret")).toBe("[secret] other-secret [secret]")
  await clock.advance(90_000)
  expect(redact("used-secret lasting-secret")).toBe("used-secret [secret]")
  expect(clock.sleepers()).toBe(0)
})
