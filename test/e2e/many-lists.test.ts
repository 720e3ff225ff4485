import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import type { EventLine } from "../../src/exports/event-lines.ts"
import { readLines } from "../support/event-lines.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"

const lists = Array.from({ length: 1000 }, (_, index) => ({ name: `List ${index}`, count: index % 10 }))
const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists }] })
const service = await startService(sandboxEnv(mailchimp))
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

test("1,000 lists with archived members: cursors of at most 7 KB, which continue as a parameter and as a header", async () => {
  const headers = await connectAccount(service)
  const url = `${service.api}/export?events=true&include=archived`
  const read = async (response: Response) => {
    expect(response.status).toBe(200)
    const events: EventLine[] = []
    const rows = new Set<string>()
    for await (const line of readLines(response)) {
      if ("event" in line) events.push(line.event)
      else rows.add(line.row)
    }
    const cursors = events.flatMap((event) => ("cursor" in event ? (event.cursor ?? []) : []))
    for (const cursor of cursors) expect(cursor.length).toBeLessThanOrEqual(7168)
    expect(events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    return { cursors, rows, events }
  }

  const whole = await read(await fetch(url, { headers }))
  const checkpoint = whole.cursors[Math.floor(whole.cursors.length / 2)] ?? ""
  const end = whole.cursors.at(-1) ?? ""
  const rest = await read(await fetch(`${url}&cursor=${checkpoint}`, { headers }))
  expect(rest.rows.size).toBeLessThan(whole.rows.size)
  for (const row of rest.rows) expect(whole.rows).toContain(row)
  expect(rest.events.at(-1)).toHaveProperty("lists")
  const next = await read(await fetch(url, { headers: { ...headers, "Export-Cursor": end } }))
  expect(next.rows.size).toBe(0)
  const lengths = [whole, rest, next].map(({ cursors }) => Math.max(...cursors.map(({ length }) => length)))
  console.info("longest cursors:", lengths.join(" "), "checkpoints:", whole.cursors.length - 1)
}, 120_000)
