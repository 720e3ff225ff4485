import { expect, test } from "bun:test"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"

/** Ten pages of them are subscribed, unsubscribed or cleaned; the statistics do not count archived members. */
const seed = { name: "Ten pages", count: 1100 }

async function exportTenPages(path: (listId: string) => string, env: Readonly<Record<string, string>> = {}) {
  await using pair = await startSandboxAndService({ lists: [seed], env, latencyMs: 200 })
  const { sandbox, listIds } = pair
  const [listId = ""] = listIds
  const { rows } = await pair.receive(path(listId))
  const members = [...sandbox.truth(listId).members()].filter(({ status }) => status !== "archived")
  const requests = sandbox.traffic.log.filter(({ path }) => path.endsWith("/members"))
  const firstEnd = requests.find(({ query }) => query.includes("count=100&"))?.endedAt ?? 0
  const ids = rows.map((row): string => JSON.parse(row).id)
  return {
    ids: ids.toSorted(),
    members: members.map(({ id }) => id).toSorted(),
    /** The requests that arrived before the first page had its response. */
    first: requests.filter(({ at }) => at < firstEnd).map(({ query }) => new URLSearchParams(query)),
  }
}

test.each([["all lists", () => "/export"] as const, ["one list", (id: string) => `/export/${id}`] as const])(
  "an export of %s requests the rows to split at concurrently with the first page, by the statistics",
  async (_name, path) => {
    const { first, ids, members } = await exportTenPages(path)
    expect(ids).toEqual(members)
    const [page, ...rows] = first
    expect([page?.get("count"), page?.get("offset")]).toEqual(["100", "0"])
    expect(rows.length).toBeGreaterThanOrEqual(7)
    for (const row of rows) {
      expect(row.get("count")).toBe("1")
      expect(row.has("since_last_changed") || row.has("before_last_changed")).toBe(false)
    }
  },
)

test("with ten requests a second the first page is requested alone", async () => {
  const { first, ids, members } = await exportTenPages(() => "/export", {
    MAILCHIMP_REQUESTS_PER_SECOND: "10",
  })
  expect(ids).toEqual(members)
  expect(first).toHaveLength(1)
})
