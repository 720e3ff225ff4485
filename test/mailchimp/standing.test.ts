import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { createAddress } from "../../src/mailchimp/address.ts"
import { createMailchimpError, InvalidToken } from "../../src/mailchimp/errors.ts"
import { requireMoved, type Standing } from "../../src/mailchimp/standing.ts"

const subject = { action: "read the lists", redact: (text: string) => text }
const { signal } = new AbortController()
const unauthorized = createMailchimpError("unauthorized", subject, { upstream: { status: 401 } })
const disabled = createMailchimpError("user_disabled", subject)

/** How a failure in us1 is judged. */
async function judge(failure: unknown, known: Partial<Standing>) {
  let invalidated = 0
  const standing: Standing = {
    locate: async () => "us1",
    recordDisabled: () => false,
    responded: () => {},
    invalidated: async () => void (invalidated += 1),
    ...known,
  }
  const address = createAddress({ dc: "us1", apiUrl: "https://{dc}.test" })
  const outcome = await requireMoved(failure, "us1", { standing, address, subject, signal }).catch(
    (error: unknown) => error,
  )
  return { outcome, dc: address.dc(), invalidated }
}

const failing = (error: unknown) => ({
  locate: async () => {
    throw error
  },
})

test("a 401 is final only if the token is refused, too: then the connection is invalidated", async () => {
  const refused = new InvalidToken("metadata_invalid", "Cannot")
  const { outcome, invalidated } = await judge(unauthorized, failing(refused))
  expect(outcome).toMatchObject({ kind: "token_revoked", upstream: { status: 401 }, cause: refused })
  expect(invalidated).toBe(1)
})

test("a 401 stays as it is if the account is where it was, or if the endpoint does not say", async () => {
  const silent = failing(new AppError("metadata_invalid", "Cannot"))
  for (const known of [{}, silent])
    expect(await judge(unauthorized, known)).toEqual({ outcome: unauthorized, dc: "us1", invalidated: 0 })
})

test("a 401 of an account that has moved is no failure", async () => {
  const moved = { locate: async () => "us2" }
  expect(await judge(unauthorized, moved)).toEqual({ outcome: undefined, dc: "us2", invalidated: 0 })
})

test("a disabled user is final only after enough responses", async () => {
  expect(await judge(disabled, {})).toMatchObject({ outcome: disabled, invalidated: 0 })
  const { outcome, invalidated } = await judge(disabled, { recordDisabled: () => true })
  expect(outcome).toMatchObject({ kind: "account_disabled", code: "connection_invalidated" })
  expect(invalidated).toBe(1)
})

test("any other failure stays as it is, and the account is not located", async () => {
  const never = failing(new Error("located"))
  for (const failure of [createMailchimpError("server_error", subject), new Error("other")])
    expect((await judge(failure, never)).outcome).toBe(failure)
})
