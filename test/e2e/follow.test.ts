import { expect, test } from "bun:test"
import { signToken } from "../../src/dev/sign-token.ts"
import { type Follower, startFollower } from "../support/follower.ts"
import { jwtSecret } from "../support/service.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

type Running = Awaited<ReturnType<typeof startWebhookService>>

/** A margin of one second, and no poll unless a test says so. */
const env = { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "3600" }

function follow({ service, headers }: Running, query = "", path = "/export") {
  return startFollower(`${service.api}${path}?events=true&follow=true&include=archived${query}`, headers)
}

/** Every member of every list, archived ones included, as a follower should have them. */
function truth({ sandbox, listIds }: Running) {
  return new Map(
    listIds.flatMap((id) =>
      [...sandbox.truth(id).members()].map((member) => [`${id} ${member.id}`, member.row] as const),
    ),
  )
}

const isEqual = (follower: Follower, running: Running) =>
  Bun.deepEquals(new Map(follower.members), truth(running))

test("rows, deletions and changed addresses follow the end of the export, each delivery within seconds", async () => {
  await using running = await startWebhookService({ lists: 2, env })
  const { sandbox, listIds, call } = running
  for (const id of listIds) expect((await call("PUT", `/lists/${id}/webhook`)).status).toBe(200)
  const follower = follow(running)
  await follower.caughtUp()
  expect(follower.status()).toBe(200)
  expect(follower.of("end")).toHaveLength(1)
  expect(follower.rows).toHaveLength(truth(running).size)
  const [first = "", second = ""] = listIds
  const [edited, deleted, moved, archived] = [...sandbox.truth(first).members()].map(({ id }) => id)
  sandbox.changes.editMember(first, edited!)
  sandbox.changes.deleteMember(first, deleted!)
  const { id: newId } = sandbox.changes.changeEmail(first, moved!)
  sandbox.changes.archiveMember(first, archived!)
  sandbox.changes.addMember(second)
  await until("the truth", () => isEqual(follower, running))
  const gone = follower.of("deleted").map(({ id, reason, new_id }) => ({ id, reason, new_id }))
  expect(gone.toSorted((a, b) => a.reason.localeCompare(b.reason))).toEqual([
    { id: moved, reason: "address_changed", new_id: newId },
    { id: deleted, reason: "member_deleted", new_id: undefined },
  ])
  await follower.leave()
})

test("without webhooks, polls find everything but deletions", async () => {
  await using running = await startWebhookService({ env: { ...env, FOLLOW_INTERVAL_S: "1" } })
  const { sandbox, listId } = running
  const follower = follow(running, "", `/export/${listId}`)
  await follower.caughtUp()
  sandbox.changes.addMember(listId)
  await until("the truth", () => isEqual(follower, running))
  expect(follower.of("caught_up").at(-1)).toMatchObject({ interval_s: 1 })
  const before = follower.rows.length
  await follower.caughtUp(follower.of("caught_up").length + 3)
  expect(follower.rows.length).toBe(before)
  await follower.leave()
})

test("a follower continues from its cursor, with what changed and was deleted meanwhile", async () => {
  await using running = await startWebhookService({ env })
  const { sandbox, listId, call } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const follower = follow(running)
  await follower.caughtUp()
  await follower.leave()
  const [edited, deleted] = [...sandbox.truth(listId).members()].map(({ id }) => id)
  sandbox.changes.editMember(listId, edited!)
  sandbox.changes.deleteMember(listId, deleted!)
  await sandbox.deliverer.settled()
  const next = follow(running, `&cursor=${follower.cursor()}`)
  await until("the deletion", () => next.of("deleted").length > 0)
  expect(next.members.size).toBe(1)
  expect(next.of("deleted")).toMatchObject([{ id: deleted, list_id: listId, reason: "member_deleted" }])
  await next.leave()
})

test("a member who was deleted long before a follower continues is reported, also if it breaks once more", async () => {
  // Without a margin, deliveries count as old after the five seconds that a write may take.
  await using running = await startWebhookService({ env: { ...env, CURSOR_MARGIN_S: "0" } })
  const { sandbox, listId, call } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const follower = follow(running)
  await follower.caughtUp()
  await follower.leave()
  const [deleted] = [...sandbox.truth(listId).members()].map(({ id }) => id)
  sandbox.changes.deleteMember(listId, deleted!)
  await sandbox.deliverer.settled()
  await Bun.sleep(8000)
  const second = follow(running, `&cursor=${follower.cursor()}`)
  await second.caughtUp()
  await second.leave()
  // Its export had ended, and the deletion had not been written yet.
  const third = follow(running, `&cursor=${second.of("end")[0]?.cursor}`)
  await third.caughtUp()
  await third.leave()
  for (const each of [second, third]) expect(each.of("deleted")).toMatchObject([{ id: deleted }])
})

test("a delivery never deletes a member who exists", async () => {
  await using running = await startWebhookService({ env })
  const { sandbox, listId, call, deliver } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const follower = follow(running)
  await follower.caughtUp()
  const [member] = sandbox.truth(listId).members()
  const email = encodeURIComponent(String(JSON.parse(member!.row).email_address))
  await deliver(`type=unsubscribe&data[action]=delete&data[email]=${email}`)
  await follower.caughtUp(2)
  expect(follower.of("deleted")).toEqual([])
  await follower.leave()
})

test("a webhook that somebody deleted is made again when somebody follows", async () => {
  await using running = await startWebhookService({ env })
  const { call, listId, hooks } = running
  await call("PUT", `/lists/${listId}/webhook`)
  hooks().splice(0)
  const follower = follow(running)
  await until("the webhook", () => hooks().length === 1)
  await follower.leave()
})

test("a list that is deleted is reported, and the others are still followed", async () => {
  await using running = await startWebhookService({ lists: 2, env: { ...env, FOLLOW_INTERVAL_S: "1" } })
  const { sandbox, listIds } = running
  const [first = "", second = ""] = listIds
  const follower = follow(running)
  await follower.caughtUp()
  sandbox.state.removeList(second)
  await until("the deletion", () => follower.of("deleted").length > 0)
  expect(follower.of("deleted")).toMatchObject([{ list_id: second, reason: "list_deleted" }])
  const { id } = sandbox.changes.addMember(first)
  await until("the new member", () => follower.members.has(`${first} ${id}`))
  await follower.leave()
})

test("a follower ends with `disconnected` within two seconds", async () => {
  await using running = await startWebhookService({ env })
  const follower = follow(running)
  await follower.caughtUp()
  await running.call("DELETE", "/auth")
  const startedMs = performance.now()
  expect(await follower.ended).toBeInstanceOf(Error)
  expect(performance.now() - startedMs).toBeLessThan(2500)
  expect(follower.events.at(-1)).toMatchObject({ $export: "error", code: "disconnected", retryable: false })
})

test("a follower ends with Mailchimp's words when the token is revoked", async () => {
  await using running = await startWebhookService({ env: { ...env, FOLLOW_INTERVAL_S: "1" } })
  const { sandbox } = running
  const follower = follow(running)
  await follower.caughtUp()
  sandbox.revoke(sandbox.state.accounts[0]!.userId)
  expect(await follower.ended).toBeInstanceOf(Error)
  expect(follower.events.at(-1)).toMatchObject({
    $export: "error",
    code: "connection_invalidated",
    retryable: false,
    upstream: { status: 401, title: "API Key Invalid" },
  })
})

test("a follower ends when its token expires, and resumes with another one", async () => {
  await using running = await startWebhookService({ env })
  const { service, uid } = running
  const token = await signToken({ account_id: "acme", uid }, jwtSecret, 1)
  const follower = follow({ ...running, headers: { authorization: `Bearer ${token}` } })
  expect(await follower.ended).toBeInstanceOf(Error)
  const error = follower.of("error").at(-1)
  expect(error).toMatchObject({ code: "unauthorized", retryable: true })
  const next = follow(running, `&cursor=${error?.cursor}`)
  await next.caughtUp()
  await next.leave()
  expect(service.log.join("")).not.toContain(token)
})

test("followers end at once when the service shuts down", async () => {
  await using running = await startWebhookService({ env })
  const follower = follow(running)
  await follower.caughtUp()
  running.service.services.drain()
  expect(await follower.ended).toBeInstanceOf(Error)
  expect(follower.events.at(-1)).toMatchObject({ $export: "error", code: "draining", retryable: true })
})

test("a follower that has caught up is no export any more, and followers are limited, too", async () => {
  const limits = { MAX_EXPORTS: "1", MAX_FOLLOWERS: "2" }
  await using running = await startWebhookService({ env: { ...env, ...limits } })
  const followers = [follow(running)]
  await followers[0]!.caughtUp()
  followers.push(follow(running))
  await followers[1]!.caughtUp()
  const refused = follow(running)
  await refused.ended
  expect(refused.status()).toBe(429)
  expect((await fetch(`${running.service.api}/export`, running)).status).toBe(200)
  for (const follower of followers) await follower.leave()
  const next = follow(running)
  await next.caughtUp()
  await next.leave()
})

test.each([
  ["follow=true", "follow"],
  ["follow=true&events=false", "follow"],
  ["follow=true&events=true&format=csv", "events"],
  ["follow=true&events=true&format=json", "events"],
  ["follow=true&events=true&count=10", "events"],
  ["follow=true&events=true&before_last_changed=2026-01-01T00:00:00Z", "before_last_changed"],
  ["follow=true&events=true&download=true", "download"],
  ["follow=1&events=true", "follow"],
])("%s is refused: %s", async (query, name) => {
  await using running = await startWebhookService({ env })
  const response = await fetch(`${running.service.api}/export?${query}`, running)
  expect(response.status).toBe(400)
  const { errors } = JSON.parse(await response.text())
  expect(errors.map(({ name }: { name: string }) => name)).toContain(name)
})
