import { expect, test } from "bun:test"
import { createSandbox } from "../../../src/sandbox/sandbox.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const redirectUri = "http://127.0.0.1:9/callback?kept=1"

function setUp() {
  const clock = createVirtualClock()
  const sandbox = createSandbox({
    clock,
    decision: "approve",
    accounts: [{ userId: 1 }, { userId: 2, dc: "us3" }],
  })
  const authorize = async (more: Record<string, string> = {}) => {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: "sandbox-client",
      redirect_uri: redirectUri,
      ...more,
    })
    const response = await sandbox.fetch(new Request(`http://sandbox/oauth2/authorize?${query}`))
    return new URL(response.headers.get("location") ?? "")
  }
  const exchange = async (code: string) =>
    sandbox.fetch(
      new Request("http://sandbox/oauth2/token", {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "authorization_code",
          client_id: "sandbox-client",
          client_secret: "sandbox-secret",
          redirect_uri: redirectUri,
          code,
        }),
      }),
    )
  return { clock, sandbox, authorize, exchange }
}

const codeOf = (target: URL) => target.searchParams.get("code") ?? ""
const tokenOf = async (response: Response) => JSON.parse(await response.text()).access_token

test("a code lives for thirty seconds", async () => {
  const { clock, authorize, exchange } = setUp()
  const early = codeOf(await authorize())
  await clock.advance(29_999)
  expect((await exchange(early)).status).toBe(200)
  const late = codeOf(await authorize())
  await clock.advance(30_000)
  expect((await exchange(late)).status).toBe(400)
})

test("a reset ends codes and tokens, and no token is issued twice", async () => {
  const { sandbox, authorize, exchange } = setUp()
  const first = await tokenOf(await exchange(codeOf(await authorize())))
  const second = await tokenOf(await exchange(codeOf(await authorize())))
  expect(second).not.toBe(first)
  const code = codeOf(await authorize())
  sandbox.reset()
  expect((await exchange(code)).status).toBe(400)
  const lists = await sandbox.fetch(
    new Request("http://sandbox/3.0/lists", { headers: { authorization: `Bearer ${first}` } }),
  )
  expect(lists.status).toBe(401)
})

test("settings choose who consents and how, and the redirect URI keeps its own query", async () => {
  const { sandbox, authorize, exchange } = setUp()
  sandbox.settings.consentingUserId = 2
  const target = await authorize({ state: "s" })
  expect(target.searchParams.get("kept")).toBe("1")
  expect(target.searchParams.get("state")).toBe("s")
  expect((await exchange(codeOf(target))).status).toBe(200)
  expect(sandbox.state.accounts.map(({ tokens }) => tokens.size)).toEqual([0, 1])
  expect((await authorize({ response_type: "token" })).searchParams.get("error")).toBe(
    "unsupported_response_type",
  )
  sandbox.settings.decision = "deny"
  expect((await authorize()).searchParams.get("error")).toBe("access_denied")
})
