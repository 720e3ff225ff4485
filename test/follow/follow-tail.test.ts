import { expect, test } from "bun:test"
import { createBacklog, type Reader } from "../../src/follow/backlog.ts"
import { followTail } from "../../src/follow/follow-tail.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const decoder = new TextDecoder()
const line = (text: string, cursor?: string) => ({ bytes: new TextEncoder().encode(text), cursor })
const followed = {
  owner: { accountId: "acct", uid: "user" },
  connectionId: "connection",
  listIds: undefined,
  selection: { fields: undefined },
}

/** A follower whose tail lets it join when `joined` is called. */
function startFollower() {
  const clock = createVirtualClock()
  const backlog = createBacklog()
  const until = new AbortController()
  const { promise: reader, resolve } = Promise.withResolvers<Reader>()
  const texts: string[] = []
  let caughtUp = 0
  const bytes = followTail({
    tails: { join: () => reader, wake: () => {} },
    followed,
    cursor: "first",
    until: until.signal,
    signal: new AbortController().signal,
    onCaughtUp: () => (caughtUp += 1),
    clock,
  })
  const ended = (async () => {
    for (;;) {
      const { done, value } = await bytes.next()
      if (done) return value
      texts.push(decoder.decode(value))
    }
  })()
  ended.catch(() => {})
  return {
    clock,
    backlog,
    until,
    ended,
    joined: () => resolve(backlog.attach(until.signal)),
    received: async () => {
      await clock.advance(0)
      return texts.splice(0).join("")
    },
    caughtUp: () => caughtUp,
  }
}

test("a follower is kept alive until it has joined, and then by its tail, without a timer of its own", async () => {
  const { clock, backlog, joined, received, caughtUp } = startFollower()
  await clock.advance(13_000)
  expect(await received()).toBe("\n\n")
  joined()
  expect(await received()).toBe("\n")
  expect(clock.sleepers()).toBe(0)
  backlog.push(line("row\n"))
  backlog.push(line("caught up\n", "second"))
  expect(await received()).toBe("row\ncaught up\n")
  expect(caughtUp()).toBe(1)
  expect(clock.sleepers()).toBe(0)
})

test("an error line has the cursor of what was received, and the break comes after it", async () => {
  const { clock, backlog, until, ended, joined, received } = startFollower()
  joined()
  backlog.push(line("caught up\n", "second"))
  await received()
  until.abort(new Error("The token has expired"))
  expect(JSON.parse(await received())).toMatchObject({ $export: "error", cursor: "second" })
  await clock.advance(1000)
  await expect(ended).rejects.toThrow("The token has expired")
  expect(backlog.readers()).toBe(0)
})
