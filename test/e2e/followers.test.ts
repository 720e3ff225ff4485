import { connect } from "node:net"
import { expect, test } from "bun:test"
import { startFollower } from "../support/follower.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

const env = { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "3600" }

test("thirty followers of an account need hardly more requests than one, and each gets every change", async () => {
  await using running = await startWebhookService({ env, latencyMs: 20 })
  const { sandbox, service, headers, listId, call } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const requestsWith = async (count: number) => {
    const followers = Array.from({ length: count }, () =>
      startFollower(`${service.api}/export?events=true&follow=true`, headers),
    )
    for (const follower of followers) await follower.caughtUp()
    const before = sandbox.traffic.total
    const added: string[] = []
    for (let second = 0; second < 4; second += 1) {
      added.push(`${listId} ${sandbox.changes.addMember(listId).id}`)
      await Bun.sleep(1000)
    }
    for (const follower of followers)
      await until("every change", () => added.every((key) => follower.members.has(key)))
    for (const follower of followers) await follower.leave()
    return sandbox.traffic.total - before
  }
  const one = await requestsWith(1)
  expect(await requestsWith(30)).toBeLessThanOrEqual(1.5 * one)
}, 60_000)

test("a follower that does not read holds up nobody, and gets everything when it reads again", async () => {
  const members = 4000
  // More than a socket and the backlog hold.
  const edit = { language: "xx", merge_fields: { FNAME: "x".repeat(5000) } }
  await using running = await startWebhookService({ env: { ...env, FOLLOW_INTERVAL_S: "1" }, members })
  const { sandbox, service, headers, listId } = running
  const fast = startFollower(`${service.api}/export?events=true&follow=true`, headers)
  const slow = await startSlowReader(`${service.api}/export?events=true&follow=true`, headers)
  await fast.caughtUp()
  await slow.readUntil('"$export":"caught_up"')
  const ids = [...sandbox.truth(listId).members()].map(({ id }) => id)
  for (const id of ids) sandbox.changes.editMember(listId, id, edit)
  await until(
    "every change",
    () => fast.rows.filter((row) => row.includes('"language":"xx"')).length >= members,
    {
      everyMs: 100,
    },
  )
  const received = await slow.readUntil('"$export":"end"', '"$export":"caught_up"')
  const changed = new Set(
    received
      .split("\n")
      .filter((line) => line.includes('"language":"xx"'))
      .map((line) => line.slice(0, 45)),
  )
  expect(changed.size).toBe(members)
  slow.close()
  await fast.leave()
}, 60_000)

/** A client that reads nothing from its socket until it is told to. */
async function startSlowReader(url: string, headers: Readonly<Record<string, string>>) {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const lines = Object.entries({ host: hostname, ...headers }).map(([name, value]) => `${name}: ${value}`)
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`)
  return {
    /** Resolves to what was read until all of the texts have appeared, in this order. */
    readUntil: async (...texts: readonly string[]) => {
      const chunks: Buffer[] = []
      let text = ""
      const take = (chunk: Buffer) => void chunks.push(chunk)
      socket.on("data", take).resume()
      await until(
        `the text ${texts.join(" and ")}`,
        () => {
          text += Buffer.concat(chunks.splice(0)).toString("latin1")
          let from = 0
          return texts.every((each) => {
            const at = text.indexOf(each, from)
            from = at + each.length
            return at >= 0
          })
        },
        { everyMs: 50 },
      )
      socket.off("data", take).pause()
      return text
    },
    close: () => socket.destroy(),
  }
}
