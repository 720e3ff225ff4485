import { expect, test } from "bun:test"
import { createGrants } from "../../../src/sandbox/oauth/grants.ts"
import { createSandbox } from "../../../src/sandbox/sandbox.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

test("a code gives its grant once, within thirty seconds, and each token is new", async () => {
  const clock = createVirtualClock()
  const [account] = createSandbox({ accounts: [{ userId: 1 }] }).state.accounts
  const grant = { account: account!, clientId: "app", redirectUri: "http://127.0.0.1:9/callback" }
  const grants = createGrants(clock, 1)
  const early = grants.add(grant)
  expect(grants.take(early)).toMatchObject({ clientId: "app" })
  expect(grants.take(early)).toBeUndefined()
  const late = grants.add(grant)
  await clock.advance(30_000)
  expect(grants.take(late)).toBeUndefined()
  const tokens = [grants.issueToken(grant.account), grants.issueToken(grant.account)]
  expect(account!.tokens).toEqual(new Set(tokens))
  expect(account!.tokens.size).toBe(2)
})
