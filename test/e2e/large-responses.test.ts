import { afterAll, beforeEach, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { z } from "zod"
import { startSandbox, type StartSandboxOptions } from "../../src/sandbox/serve.ts"
import type { EventLine } from "../../src/exports/event-lines.ts"
import { readLines } from "../support/event-lines.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

const MB = 2 ** 20

/** A sandbox, a service in this process, and the header of a caller who has connected the sandbox's account. */
async function connect(options: StartSandboxOptions, env: Record<string, string> = {}) {
  const mailchimp = startSandbox({ decision: "approve", ...options })
  const service = await startService({ ...sandboxEnv(mailchimp), ...env })
  const headers = await connectAccount(service)
  return {
    ...mailchimp,
    service,
    get: (path: string) => fetch(`${service.api}${path}`, { headers }),
    /** The queries for one resource, as numbers of rows. */
    counts: (resource: string) =>
      mailchimp.sandbox.traffic.log
        .filter(({ path }) => path.endsWith(`/${resource}`))
        .map(({ query }) => Number(new URLSearchParams(query).get("count"))),
    [Symbol.asyncDispose]: async () => {
      await service.stop()
      await mailchimp.stop()
    },
  }
}

/** All rows of an export with events, and the line that it ended with. */
async function readExport(response: Response) {
  const ids = new Set<string>()
  let rows = 0
  let last: EventLine | undefined
  for await (const line of readLines(response)) {
    if ("event" in line) last = line.event
    else {
      rows += 1
      ids.add(JSON.parse(line.row).id)
    }
  }
  return { ids, rows, last }
}

const listsSchema = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) })

async function listsOf(response: Response) {
  expect(response.status).toBe(200)
  return listsSchema.parse(await response.json()).data
}

describe("an export is complete although pages of more than 250 members", () => {
  const forms = [
    ["are a problem with status 500", { kind: "problem", problem: "internal_server_error" }],
    ["are HTML with status 502", { kind: "html", status: 502 }],
    ["are HTML with status 500", { kind: "html", status: 500 }],
    ["are HTML with status 200", { kind: "html", status: 200 }],
    ["are truncated in the middle", { kind: "cut", keep: 0.5 }],
    ["are reset", { kind: "reset" }],
    ["end in the middle of the JSON", { kind: "bad_json", keep: 0.7 }],
    ["become 40 MB", { kind: "bomb", bytes: 40 * MB }],
    ["inflate to 40 MB, and claim less", { kind: "bomb", bytes: 40 * MB, claims: 1000, chunked: true }],
  ] as const
  test.each(forms)(
    "%s",
    async (_name, action) => {
      await using world = await connect({ accounts: [{ lists: [{ name: "News", count: 3000 }] }] })
      const { sandbox, get, counts } = world
      const table = sandbox.state.accounts[0]?.lists[0]?.table
      const fault = sandbox.faults.add({
        match: { countAbove: 250, path: "members" },
        action,
        times: Infinity,
      })
      const { ids, last } = await readExport(await get("/export?events=true"))
      expect(last).toMatchObject({ $export: "end", status: "complete" })
      expect(ids.size).toBe(table?.order("none", "live").size ?? 0)
      expect(fault.played).toBeGreaterThan(1)
      // 1000, 1000, 500, and a few when the page tries to grow again (Bun repeats each request whose connection is reset);
      // the rest are 2,700 rows in pages of 250, and probes.
      expect(fault.played).toBeLessThan(action.kind === "reset" ? 32 : 16)
      expect(counts("members").length).toBeLessThan(100)
    },
    30_000,
  )
})

test("an export of 139 lists is complete although /lists of more than 100 is a 504", async () => {
  const lists = Array.from({ length: 139 }, (_, index) => ({ name: `List ${index}`, count: 3 }))
  await using world = await connect({ accounts: [{ lists }] })
  world.sandbox.faults.add({
    match: { countAbove: 100, path: /\/lists$/ },
    action: { kind: "problem", problem: "gateway_timeout" },
    times: Infinity,
  })
  const { last } = await readExport(await world.get("/export?events=true"))
  expect(last).toMatchObject({ $export: "end", status: "complete" })
  expect(last?.$export === "end" && last.lists.length).toBe(139)
  expect(world.counts("lists")).toEqual([1000, 500, 250, 125, 62, 62, 62])
  expect(await listsOf(await world.get("/lists"))).toHaveLength(139)
}, 60_000)

describe("whatever /lists returns", () => {
  const account = (lists: number, oddLists: StartSandboxOptions["accounts"] = []) => ({
    lists: Array.from({ length: lists }, (_, index) => ({ name: `List ${index}`, count: 5 })),
    ...oddLists[0],
  })

  test.each([
    ["its total is one too high", { listsTotalOff: 1 }],
    ["its total is one too low", { listsTotalOff: -1 }],
    ["it shows the same lists forever", { endlessLists: "repeated" as const }],
  ])("an export is complete and a line is logged if %s", async (_name, settings) => {
    await using world = await connect({ accounts: [account(3)], ...settings })
    const { last } = await readExport(await world.get("/export?events=true"))
    expect(last).toMatchObject({ $export: "end", status: "complete" })
    expect(last?.$export === "end" && last.lists.length).toBe(3)
    expect((await world.get("/lists")).status).toBe(200)
    const warnings = world.service.log.filter((line) => line.includes('"level":"warn"'))
    expect(warnings).toHaveLength(2)
    expect(JSON.parse(warnings[0] ?? "{}")).toMatchObject({ type: "count_differs", action: "read the lists" })
  })

  test("endless lists are an error, and soon", async () => {
    await using world = await connect({ accounts: [account(3)], endlessLists: "new" })
    const response = await world.get("/lists")
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ code: "mailchimp_error" })
    expect(world.sandbox.traffic.total).toBeLessThan(130)
  }, 60_000)

  test("a list with a malformed id hides none of the others", async () => {
    const oddLists = [
      { id: "a/../b", name: "Slash" },
      { id: "a.b", name: "Dot" },
      { id: "", name: "None" },
      null,
    ]
    await using world = await connect({ accounts: [{ ...account(2), oddLists }] })
    const data = await listsOf(await world.get("/lists"))
    expect(data.map(({ name }) => name)).toEqual(["List 0", "List 1", "Slash", "Dot", "None", ""])
    expect(data.slice(2).map(({ id }) => id)).toEqual(["a/../b", "a.b", "", ""])
    const other = await readExport(await world.get(`/export/${data[0]?.id}?events=true`))
    expect(other.last).toMatchObject({ $export: "end", status: "complete" })
  })
})

test("MAILCHIMP_RETRY_S ends an export whose page fails for that long", async () => {
  const lists = [{ name: "News", count: 3000 }]
  await using world = await connect({ accounts: [{ lists }] }, { MAILCHIMP_RETRY_S: "1" })
  world.sandbox.faults.add({
    match: { path: "members" },
    action: { kind: "problem", problem: "internal_server_error" },
    skip: 1,
    times: Infinity,
  })
  const seen: EventLine[] = []
  const reading = (async () => {
    for await (const line of readLines(await world.get("/export?events=true")))
      if ("event" in line) seen.push(line.event)
  })()
  await expect(reading).rejects.toThrow()
  expect(seen.at(-1)).toMatchObject({ $export: "error", code: "mailchimp_error", retryable: true })
})

describe("memory over idle, of a process that has seen no rows yet", () => {
  // As many rows of 22 KB as could fill the memory: 10 concurrent requests of 1,000 rows each.
  const lists = Array.from({ length: 10 }, (_, index) => ({ name: `L${index}`, count: 1000, wideFields: 80 }))
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: [{ lists }, { userId: 2, lists: [{ name: "News", count: 3000 }] }],
  })
  const services = serviceProcesses(mailchimp)
  const { sandbox } = mailchimp
  beforeEach(() => sandbox.faults.clear())
  afterAll(async () => {
    await services.end()
    await mailchimp.stop()
  })
  const memoryOf = (pid: number, name: string) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8")
    return (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024) / MB
  }
  const exportAll = async () => {
    const service = await services.start()
    const headers = await connectAccount(service)
    const idle = memoryOf(service.pid, "VmRSS")
    const response = await fetch(`${service.api}/export`, { headers })
    let newlines = 0
    for await (const chunk of response.body ?? [])
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) newlines += 1
    const over = memoryOf(service.pid, "VmHWM") - idle
    await service.kill()
    return { rows: newlines, over }
  }

  test.skipIf(process.platform !== "linux")(
    "130 MB for ten lists of members of 22 KB",
    async () => {
      sandbox.settings.consentingUserId = sandbox.state.accounts[0]?.userId
      const { rows, over } = await exportAll()
      const live = sandbox.state.accounts[0]?.lists.map(({ table }) => table.order("none", "live").size) ?? []
      expect(rows).toBe(live.reduce((sum, size) => sum + size, 0))
      expect(over).toBeLessThan(130)
    },
    60_000,
  )

  test.skipIf(process.platform !== "linux")(
    "130 MB if pages are bombs of a megabyte that inflate to a gigabyte",
    async () => {
      sandbox.settings.consentingUserId = 2
      const bytes = 1024 * MB
      for (const [index, bomb] of [{ bytes }, { bytes, claims: 1000 }].entries())
        sandbox.faults.add({ match: { path: "members" }, skip: index, action: { kind: "bomb", ...bomb } })
      const { rows, over } = await exportAll()
      expect(rows).toBe(sandbox.state.account(2).lists[0]?.table.order("none", "live").size ?? 0)
      expect(over).toBeLessThan(130)
    },
    120_000,
  )
})
