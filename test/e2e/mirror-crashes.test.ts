import { expect, test } from "bun:test"
import { followMembers, type Member } from "../../src/client/client.ts"
import { apiPrefix } from "../../src/http/envelope.ts"
import { createRandom } from "../../src/sandbox/random.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { parseDelivery } from "../../src/webhooks/delivery.ts"
import { buildTimeoutMs, startFragileFerretdb } from "../support/ferretdb.ts"
import { describeWithFerretdb } from "../support/mongodb.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

const sizeOf = (name: string, small: number) => Number(Bun.env[name] ?? small)
/** The whole size is 50 lists of 2,000 members, and 20 changes a second for 300 s with a crash every 20 s. */
const size = {
  lists: sizeOf("MIRROR_LISTS", 3),
  members: sizeOf("MIRROR_MEMBERS", 40),
  seconds: sizeOf("MIRROR_SECONDS", 12),
  crashEveryS: sizeOf("MIRROR_CRASH_S", 3),
  seed: sizeOf("MIRROR_SEED", 11),
  patienceS: sizeOf("MIRROR_PATIENCE_S", 75),
}
const changesPerSecond = 20
const followIntervalS = 2

const malformedForms = ["", "%", "type", "type=unsubscribe&data[action]=delete", "data[a][b][c]=\u0000", "{}"]

type Database = { readonly env: Readonly<Record<string, string>>; crash(): Promise<void> }

/** Changes lists with every fault of deliveries, while the reader, the replicas and the database crash. */
async function mirrorThroughCrashes({ env, crash }: Database, replicaCount: number) {
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: [
      { lists: Array.from({ length: size.lists }, (_, n) => ({ name: `List ${n}`, count: size.members })) },
    ],
    lostDeliveries: 0.2,
    doubledDeliveries: 0.2,
    lateDeliveries: 0.2,
    strippedDeliveries: 0.1,
  })
  const { sandbox } = mailchimp
  const replicas: Awaited<ReturnType<typeof processes.start>>[] = []
  // One address for all replicas, as in a deployment. Otherwise each makes a webhook of its own, which doubles the deliveries.
  let turn = 0
  const balancer = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      turn += 1
      const { pathname, search } = new URL(request.url)
      const replica = replicas[turn % replicas.length]?.url ?? ""
      const response = fetch(new Request(replica + pathname + search, request), { redirect: "manual" })
      return response.catch(() => new Response(null, { status: 502 }))
    },
  })
  const processes = serviceProcesses(mailchimp, {
    PUBLIC_URL: balancer.url.origin,
    CURSOR_MARGIN_S: "1",
    FOLLOW_INTERVAL_S: String(followIntervalS),
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}`,
    ...env,
  })
  const random = createRandom(size.seed)
  const copy = new Map<string, Member>()
  /** Members that are gone at Mailchimp. */
  const gone = new Set<string>()
  /** Live members that were reported as deleted. */
  const wrong: string[] = []
  let cursor: string | undefined
  let reader = new AbortController()
  try {
    while (replicas.length < replicaCount) replicas.push(await processes.start())
    const api = balancer.url.origin + apiPrefix
    const headers = await connectAccount({ api })
    const listIds = sandbox.state.accounts[0]?.lists.map(({ id }) => id) ?? []
    for (const id of listIds) {
      const made = await fetch(`${api}/lists/${id}/webhook`, { method: "PUT", headers })
      expect(made.status).toBe(200)
    }
    // Mailchimp would disable the webhook if most of the first deliveries failed while the database makes its indexes.
    const isDelivered = () => {
      sandbox.changes.addMember(listIds[0]!)
      return sandbox.deliverer.deliveries.some(({ state }) => state === "delivered")
    }
    await until("a delivery", isDelivered, { everyMs: 100 })

    const read = async ({ signal }: AbortController) => {
      const changes = followMembers({
        baseUrl: replicas[random.integer(replicaCount)]?.url ?? "",
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
    let reading = read(reader).catch(() => {})
    const crashReader = async () => {
      reader.abort()
      await reading
      reader = new AbortController()
      reading = read(reader).catch(() => {})
    }
    const crashReplica = async () => {
      const index = random.integer(replicaCount)
      const crashed = replicas[index]
      await crashed?.kill()
      replicas[index] = await processes.start({ PORT: new URL(crashed?.url ?? "").port })
    }
    const crashes = [crashReader, crashReplica, crash]

    const change = (listId: string) => {
      const members = [...sandbox.truth(listId).members()]
      const { id, status } = members[random.integer(members.length)]!
      const { changes } = sandbox
      const remove = (how: (listId: string, id: string) => unknown) => () => {
        gone.add(`${listId} ${id}`)
        how(listId, id)
      }
      const kinds = [
        () => changes.editMember(listId, id),
        () => changes.addMember(listId),
        () =>
          status === "archived" ? changes.unarchiveMember(listId, id) : changes.archiveMember(listId, id),
        () => changes.editMember(listId, id, { status: "unsubscribed" }),
        remove(changes.changeEmail),
        remove(changes.deleteMember),
      ]
      kinds[random.integer(kinds.length)]!()
    }
    /** Sends what no form has: a hint that the list changed, and nothing else. */
    const deliverMalformed = (listId: string) => {
      const url = sandbox.state.list(listId).webhooks[0]?.url
      const body = malformedForms[random.integer(malformedForms.length)]!
      if (url !== undefined) void fetch(url, { method: "POST", body }).catch(() => {})
    }
    const startedMs = performance.now()
    let crashing = Promise.resolve()
    let crashCount = 0
    let done = 0
    for (; performance.now() - startedMs < size.seconds * 1000; done += 1) {
      const listId = listIds[random.integer(listIds.length)]!
      change(listId)
      if (done % changesPerSecond === 0) deliverMalformed(listId)
      const elapsedS = (performance.now() - startedMs) / 1000
      if (elapsedS > (crashCount + 1) * size.crashEveryS) {
        const next = crashes[crashCount < crashes.length ? crashCount : random.integer(crashes.length)]!
        crashing = after(crashing, next)
        crashCount += 1
      }
      await Bun.sleep(Math.max(0, ((done + 1) / changesPerSecond - elapsedS) * 1000))
    }
    await crashing

    /** What was told: by a delivery with an address that was answered with 200. */
    const told = () =>
      new Set(
        sandbox.deliverer.deliveries.flatMap(({ state, body, listId }) => {
          const { kind, memberId } = parseDelivery(Buffer.from(body))
          const isDeletion = kind === "delete" || kind === "unsubscribe_or_delete" || kind === "upemail"
          return state === "delivered" && isDeletion && memberId ? [`${listId} ${memberId}`] : []
        }),
      )
    const live = listIds.flatMap((id) =>
      [...sandbox.truth(id).members()].map(({ id: memberId, row }) => ({ key: `${id} ${memberId}`, row })),
    )
    const differs = ({ key, row }: (typeof live)[number]) => !Bun.deepEquals(copy.get(key), JSON.parse(row))
    // Not those that are told later: Mailchimp retries refused deliveries for an hour, so a few would always be unread.
    const toldBefore = told()
    const left = () => [...copy.keys()].filter((key) => gone.has(key) && toldBefore.has(key))
    // A member who was equal is compared again at the end alone, because comparing all of them takes a second.
    let differing = live
    const isEqual = () => {
      differing = differing.filter(differs)
      return differing.length === 0 && left().length === 0
    }
    const quietMs = performance.now()
    await until("an equal copy", isEqual, { withinS: size.patienceS, everyMs: 500 }).catch(() => {})
    const quietS = Math.round((performance.now() - quietMs) / 1000)
    expect({ differing: live.filter(differs).length, left: left().length }).toEqual({ differing: 0, left: 0 })
    expect(wrong).toEqual([])
    expect(toldBefore.size).toBeGreaterThan(5)
    if (size.seconds > 60)
      console.log(
        `equal after ${quietS} s, ${done} changes, ${crashCount} crashes, ${gone.size} gone, ${toldBefore.size} told`,
      )
    reader.abort()
    await reading
  } finally {
    reader.abort()
    await processes.end()
    await balancer.stop(true)
    await mailchimp.stop()
  }
}

async function after(earlier: Promise<void>, next: () => Promise<void>): Promise<void> {
  await earlier
  await next()
}

const timeoutMs = buildTimeoutMs + (size.seconds + size.patienceS) * 1000

test(
  "on SQLite: a copy equals the truth although its reader and the service are killed, and never lacks a live member",
  () => mirrorThroughCrashes({ env: {}, crash: async () => {} }, 1),
  timeoutMs,
)

describeWithFerretdb("with MongoDB", () => {
  test(
    "of two replicas: a copy equals the truth although its reader, a replica and the database are killed",
    async () => {
      const database = await startFragileFerretdb()
      const crash = async () => {
        await database.kill9()
        await Bun.sleep(500)
        await database.restart()
      }
      try {
        await mirrorThroughCrashes({ env: { MONGODB_URI: `mongodb://${database.host}/mirror` }, crash }, 2)
      } finally {
        await database.stop()
      }
    },
    timeoutMs,
  )
})
