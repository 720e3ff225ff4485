import { expect, test } from "bun:test"
import { createMailchimpClient } from "../../../src/mailchimp/client.ts"
import { createLimiter } from "../../../src/mailchimp/limiter/limiter.ts"
import { hasMember } from "../../../src/mailchimp/members/has-member.ts"

const memberId = "5e".repeat(16)

const ask = (response: Response) => {
  const urls: string[] = []
  const client = createMailchimpClient({
    accessToken: "token",
    dc: "us19",
    apiUrl: "https://{dc}.api.mailchimp.com/3.0",
    flow: createLimiter().join(),
    fetch: async (url) => {
      urls.push(url)
      return response
    },
  })
  const answer = hasMember(client, { listId: "a1b2c3d4e5", memberId }, new AbortController().signal)
  return { answer, urls }
}

const problem = (status: number, title: string) =>
  Response.json(
    { title, status, detail: "…" },
    { status, headers: { "content-type": "application/problem+json" } },
  )

test("a member exists if Mailchimp returns it, and is gone if Mailchimp says that it is not found", async () => {
  const { answer, urls } = ask(Response.json({ id: memberId }))
  expect(await answer).toBe(true)
  expect(urls).toEqual([`https://us19.api.mailchimp.com/3.0/lists/a1b2c3d4e5/members/${memberId}?fields=id`])
  expect(await ask(problem(404, "Resource Not Found")).answer).toBe(false)
})

test("the 404 of a gateway, or another refusal, proves nothing", async () => {
  expect(ask(new Response("no route", { status: 404 })).answer).rejects.toThrow("Cannot read the member")
  expect(ask(problem(403, "Forbidden")).answer).rejects.toThrow("Cannot read the member")
})
