import { Database } from "bun:sqlite"
import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "One", count: 5 },
        { name: "Two", count: 5 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const processes = serviceProcesses(mailchimp)
afterAll(async () => {
  await processes.end()
  await mailchimp.stop()
})

type Service = Awaited<ReturnType<typeof processes.start>>

function count(table: "connections" | "webhooks" | "deliveries"): number {
  using database = new Database(processes.env["SQLITE_PATH"], { readonly: true })
  return database.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()?.count ?? -1
}

const stored = () => [count("connections"), count("webhooks"), count("deliveries")]

/** Connects, subscribes to both lists, and has one change of each delivered. */
async function connectAndSubscribe(service: Service) {
  const headers = await connectAccount(service)
  const lists = sandbox.state.accounts[0]?.lists ?? []
  for (const { id } of lists) {
    const response = await fetch(`${service.api}/lists/${id}/webhook`, { method: "PUT", headers })
    expect(response.status).toBe(200)
  }
  const urls = lists.map(({ webhooks }) => webhooks[0]?.url ?? "")
  return { headers, lists, urls }
}

test("every delivery that was answered with 200 is stored, although the process is killed at once", async () => {
  const service = await processes.start()
  const { urls, headers } = await connectAndSubscribe(service)
  let isKilled = false
  let answered = 0
  const senders = Array.from({ length: 20 }, async (_, index) => {
    for (let sent = 0; !isKilled; sent += 1) {
      const body = `type=profile&data[email]=${index}.${sent}@example.com`
      const response = await fetch(urls[index % urls.length] ?? "", { method: "POST", body }).catch(
        () => undefined,
      )
      if (response?.status === 200) answered += 1
      if (answered >= 500 && !isKilled) {
        isKilled = true
        await service.kill()
      }
    }
  })
  await Promise.all(senders)
  expect(answered).toBeGreaterThanOrEqual(500)
  expect(count("deliveries")).toBeGreaterThanOrEqual(answered)
  const next = await processes.start()
  await fetch(`${next.api}/auth`, { method: "DELETE", headers })
  expect(stored()).toEqual([0, 0, 0])
  await next.kill()
})

const finishers: [string, (service: Service, headers: Record<string, string>) => Promise<unknown>][] = [
  ["DELETE", ({ api }, headers) => fetch(`${api}/auth`, { method: "DELETE", headers })],
  ["start", () => Promise.resolve()],
]

test.each(finishers)(
  "a disconnection that was killed is gone for every replica, and is finished by the next %s",
  async (_, finish) => {
    sandbox.reset()
    const [first, replica] = [await processes.start(), await processes.start()]
    const { headers, lists, urls } = await connectAndSubscribe(first)
    sandbox.changes.addMember(lists[0]?.id ?? "")
    await sandbox.deliverer.settled()
    expect(stored()).toEqual([1, 2, 1])

    sandbox.faults.add({ match: { method: "DELETE" }, action: { kind: "hang" }, times: Infinity })
    const deleting = fetch(`${first.api}/auth`, { method: "DELETE", headers }).catch(() => undefined)
    while (sandbox.traffic.log.every(({ method }) => method !== "DELETE")) await Bun.sleep(5)
    await first.kill()
    await deleting
    expect(stored()).toEqual([1, 2, 1])
    expect((await fetch(`${replica.api}/auth`, { headers })).status).toBe(404)
    expect((await fetch(`${replica.api}/export`, { headers })).status).toBe(404)
    for (const url of urls) {
      const moved = url.replace(/:\d+\//, `:${new URL(replica.url).port}/`)
      expect((await fetch(moved, { method: "POST", body: "type=profile" })).status).toBe(410)
    }

    sandbox.faults.clear()
    const next = await processes.start()
    await finish(next, headers)
    while (count("connections") > 0) await Bun.sleep(10)
    expect(stored()).toEqual([0, 0, 0])
    expect(lists.flatMap(({ webhooks }) => webhooks)).toEqual([])
    await Promise.all([replica.kill(), next.kill()])
  },
)

test("a disconnection that was killed is finished by the next login, which then has a connection of its own", async () => {
  sandbox.reset()
  const [first, replica] = [await processes.start(), await processes.start()]
  const uid = "ada"
  const headers = await connectAccount(first, uid)
  const [list] = sandbox.state.accounts[0]?.lists ?? []
  await fetch(`${first.api}/lists/${list?.id}/webhook`, { method: "PUT", headers })
  sandbox.faults.add({ match: { method: "DELETE" }, action: { kind: "hang" } })
  const deleting = fetch(`${first.api}/auth`, { method: "DELETE", headers }).catch(() => undefined)
  while (sandbox.traffic.log.every(({ method }) => method !== "DELETE")) await Bun.sleep(5)
  await first.kill()
  await deleting
  await connectAccount(replica, uid)
  expect(stored()).toEqual([1, 0, 0])
  expect(list?.webhooks).toEqual([])
  expect((await fetch(`${replica.api}/lists`, { headers })).status).toBe(200)
  await replica.kill()
})
