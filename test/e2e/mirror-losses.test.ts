import { expect, test } from "bun:test"
import { followMembers, type Member } from "../../src/client/client.ts"
import { createRandom } from "../../src/sandbox/random.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

/** How long the lists change. */
const seconds = Number(Bun.env["MIRROR_SECONDS"] ?? 12)

test(
  "a copy equals the truth although deliveries are lost, doubled, late and stripped and its reader is killed, and never lacks a live member",
  async () => {
    await using running = await startWebhookService({
      lists: 3,
      members: 60,
      env: { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "1" },
      lostDeliveries: 0.2,
      doubledDeliveries: 0.2,
      lateDeliveries: 0.2,
      strippedDeliveries: 0.1,
    })
    const { service, sandbox, headers, listIds, call } = running
    for (const id of listIds) await call("PUT", `/lists/${id}/webhook`)
    const random = createRandom(7)
    const copy = new Map<string, Member>()
    /** Members that are gone at Mailchimp. */
    const gone = new Set<string>()
    /** Live members that were reported as deleted. */
    const wrong: string[] = []
    let cursor: string | undefined
    let reader = new AbortController()

    const read = async ({ signal }: AbortController) => {
      const changes = followMembers({
        baseUrl: service.url,
        token: String(headers["authorization"]).replace("Bearer ", ""),
        include: "archived",
        cursor,
        signal,
      })
      for await (const { members, deleted, cursor: next } of changes) {
        for (const member of members) copy.set(`${member.list_id} ${member.id}`, member)
        if (deleted?.id !== undefined) {
          const key = `${deleted.list_id} ${deleted.id}`
          if (!gone.has(key)) wrong.push(key)
          copy.delete(key)
        }
        cursor = next
      }
    }
    const change = (listId: string) => {
      const members = [...sandbox.truth(listId).members()]
      const { id, status } = members[random.integer(members.length)]!
      const { changes } = sandbox
      const kinds = [
        () => changes.editMember(listId, id),
        () => changes.addMember(listId),
        () =>
          status === "archived" ? changes.unarchiveMember(listId, id) : changes.archiveMember(listId, id),
        () => changes.editMember(listId, id, { status: "unsubscribed" }),
        () => {
          gone.add(`${listId} ${id}`)
          changes.changeEmail(listId, id)
        },
        () => {
          gone.add(`${listId} ${id}`)
          changes.deleteMember(listId, id)
        },
      ]
      kinds[random.integer(kinds.length)]!()
    }

    let reading = read(reader).catch(() => {})
    for (let tick = 0; tick < seconds * 10; tick += 1) {
      change(listIds[tick % listIds.length]!)
      if (tick % 25 === 24) {
        reader.abort()
        await reading
        reader = new AbortController()
        reading = read(reader).catch(() => {})
      }
      await Bun.sleep(100)
    }
    await sandbox.deliverer.settled()
    const isEqual = () => {
      const members = listIds.flatMap((id) =>
        [...sandbox.truth(id).members()].map(({ row }) => JSON.parse(row)),
      )
      const differing = members.filter(
        (member) => !Bun.deepEquals(copy.get(`${member.list_id} ${member.id}`), member),
      )
      return differing.length === 0
    }
    await until("an equal copy", isEqual, { everyMs: 100 })
    // What is left of others are members of whose deletion no delivery with an address arrived.
    const told = new Set(
      running
        .rows("deliveries")
        .flatMap((row) =>
          ["delete", "unsubscribe_or_delete", "upemail"].includes(String(row["kind"])) &&
          row["member_id"] !== null
            ? [`${String(row["list_id"])} ${String(row["member_id"])}`]
            : [],
        ),
    )
    const left = () => [...copy.keys()].filter((key) => gone.has(key) && told.has(key))
    await until("every deletion that was told", () => left().length === 0, { everyMs: 100 })
    expect(wrong).toEqual([])
    expect(gone.size).toBeGreaterThan(20)
    reader.abort()
    await reading
  },
  (60 + seconds * 2) * 1000,
)
