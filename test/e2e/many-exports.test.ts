import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { connect, type Socket } from "node:net"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { bearer, connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"
import { until } from "../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "Large", count: 20_000 },
        { name: "Small", count: 50 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const [large, small] = sandbox.state.accounts[0]?.lists ?? []
if (!large || !small) throw new Error("no lists")
let service: RunningService
let ada: Record<string, string>
let bob: Record<string, string>
const sockets: Socket[] = []

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), MAX_EXPORTS: "7", MAX_EXPORTS_PER_CALLER: "" })
  ada = await connectAccount(service, "ada")
  bob = await connectAccount(service, "bob")
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})
afterEach(async () => {
  sandbox.faults.clear()
  await leave()
})

/** Begins an export, and reads only its first bytes. Resolves to its status. */
function begin(headers: Record<string, string>, path = "/export", api = service.api): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const { hostname, port, pathname } = new URL(api + path)
  const query = path.includes("?") ? path.slice(path.indexOf("?")) : ""
  const socket = connect(Number(port), hostname, () => {
    socket.write(
      `GET ${pathname}${query} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${headers["authorization"]}\r\n\r\n`,
    )
  })
  sockets.push(socket)
  socket.on("error", reject)
  socket.on("close", () => reject(new Error("closed")))
  socket.once("data", (head) => {
    socket.pause()
    resolve(Number(head.toString("latin1").split(" ")[1]))
  })
  return promise
}
const beginMany = (count: number, ...args: Parameters<typeof begin>) =>
  Promise.all(Array.from({ length: count }, () => begin(...args)))

/** Every consumer disconnects, and the service notices. */
async function leave(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy()
  await untilFree(service.api)
}

/** Whether Ada's exports are as many as they may be. */
async function isRefused(api: string): Promise<boolean> {
  return (await fetch(`${api}/export`, { method: "HEAD", headers: ada })).status === 429
}

async function untilFree(api: string): Promise<void> {
  await until("a free place for an export", async () => !(await isRefused(api)), { everyMs: 10 })
}

/** Every export reads the lists once, when it begins. */
const begun = () => sandbox.traffic.log.filter(({ path }) => path.endsWith("/lists")).length

test("of one caller's 400 exports that nobody reads five run, and the others cause no request to Mailchimp", async () => {
  sandbox.traffic.reset()
  expect(await beginMany(5, ada)).toEqual([200, 200, 200, 200, 200])
  expect(begun()).toBe(5)
  expect(new Set(await beginMany(395, ada))).toEqual(new Set([429]))
  expect(begun()).toBe(5)

  const refused = await fetch(`${service.api}/export`, { headers: ada })
  expect(refused.headers.get("content-type")).toBe("application/problem+json")
  expect(refused.headers.get("retry-after")).toBe("10")
  expect(await refused.json()).toMatchObject({ code: "too_many_exports", status: 429 })
  const head = await fetch(`${service.api}/export`, { method: "HEAD", headers: ada })
  expect([head.status, head.headers.get("retry-after")]).toEqual([429, "10"])
})

test("exports of one list, slices, and exports for a sub-account count as well", async () => {
  const acting = await bearer("ada", { sub_accounts: ["acme", "other"] })
  const paths = [
    `/export/${large.id}`,
    "/export?format=json",
    "/export?sub_account_id=acme",
    "/export?count=1000",
    `/export/${large.id}?count=10`,
  ]
  sandbox.faults.add({ match: { path: "/members" }, action: { kind: "hang" }, times: Infinity })
  const running = paths.map((path) => begin(acting, path))
  await until("a refusal of one more export", () => isRefused(service.api), { everyMs: 10 })
  for (const path of [...paths, "/export?sub_account_id=other"]) expect(await begin(acting, path)).toBe(429)
  for (const socket of sockets) socket.destroy()
  await Promise.allSettled(running)
})

test("a caller at the limit does not block another caller, but all callers together share MAX_EXPORTS", async () => {
  await beginMany(5, ada)
  expect(await beginMany(2, bob)).toEqual([200, 200])
  expect(await begin(bob)).toBe(429)
})

test("an export that ends, in whatever way, lets the next export begin", async () => {
  const nobody = await bearer("nobody")
  const ways: readonly (() => Promise<unknown>)[] = [
    async () => (await fetch(`${service.api}/export?count=10`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export/${small.id}`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export?fields=nothing`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export?fields=merge_fields.NONE`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export?cursor=forged`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export/unknown`, { headers: ada })).text(),
    async () => (await fetch(`${service.api}/export`, { headers: nobody })).text(),
    () => fetch(`${service.api}/export`, { method: "HEAD", headers: ada }),
    async () => {
      // Disconnects before the service responds, or during the response.
      const signal = AbortSignal.timeout(1)
      await fetch(`${service.api}/export`, { headers: ada, signal }).catch(() => {})
    },
    async () => {
      sandbox.faults.add({
        match: { path: "/members" },
        action: { kind: "problem", problem: "forbidden" },
        skip: 1,
      })
      const response = await fetch(`${service.api}/export`, { headers: ada })
      await response.text().catch(() => {})
      sandbox.faults.clear()
    },
  ]
  for (const way of ways) for (let made = 0; made < 6; made += 1) await way()
  await until("a free place for each of five exports", async () => {
    const statuses = await beginMany(5, ada)
    for (const socket of sockets.splice(0)) socket.destroy()
    return statuses.every((status) => status === 200)
  })
})

test("an export whose consumer stopped reading is aborted, and lets the next export begin", async () => {
  const impatient = await startService({
    ...sandboxEnv(mailchimp),
    MAX_EXPORTS_PER_CALLER: "5",
    EXPORT_STALL_TIMEOUT_MS: "100",
  })
  try {
    ada = await connectAccount(impatient, "ada")
    await beginMany(5, ada, "/export", impatient.api)
    await untilFree(impatient.api)
  } finally {
    await impatient.stop()
  }
}, 30_000)
