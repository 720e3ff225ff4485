import { afterAll, beforeAll, expect, test } from "bun:test"
import { requireListFields } from "../../src/exports/list-fields.ts"
import { parseSelection } from "../../src/exports/selection.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Small", count: 5 }] }] })
let service: RunningService
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService(sandboxEnv(mailchimp))
  headers = await connectAccount(service)
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const letters = "x".repeat(14_000)
const unknownNames = Array.from({ length: 3500 }, (_, index) => index.toString(36))
const unknownTags = Array.from({ length: 500 }, (_, index) => `merge_fields.T${index}`)
const unknownParameters = Array.from({ length: 2000 }, (_, index) => `p${index}`)

test.each([
  ["a name of 14,000 letters", `/export?fields=${letters}`],
  ["an excluded name of 14,000 letters", `/export?exclude_fields=${letters}`],
  ["a merge field of 14,000 letters", `/export?fields=merge_fields.${letters}`],
  ["3,500 unknown names", `/export?fields=${unknownNames}`],
  ["400 unknown names", `/export?fields=${unknownNames.slice(0, 400)}`],
  ["an unknown name 1,500 times", `/export?${"fields=x&".repeat(1500)}`],
  ["500 unknown merge fields", `/export?fields=${unknownTags}`],
  ["2,000 unknown parameters", `/export?${unknownParameters.join("&")}`],
  ["2,000 unknown parameters of another route", `/lists?${unknownParameters.join("&")}`],
  ["an unknown parameter of 14,000 letters", `/auth?${letters}=1`],
  ["a status of 14,000 letters", `/export?status=${letters}`],
  ["a cursor of 14,000 letters", `/export?cursor=${letters}`],
  ["a sub-account of 14,000 letters", `/export?sub_account_id=${letters}`],
])("%s is refused with ten errors at most, in less than 4 KB", async (_, path) => {
  const response = await fetch(service.api + path, { headers })
  expect([400, 403]).toContain(response.status)
  const text = await response.text()
  expect(text.length).toBeLessThan(4096)
  expect(JSON.parse(text).errors?.length ?? 1).toBeLessThanOrEqual(10)
})

test("as many fields as a list can have are accepted", async () => {
  const fields = ["email_address", ...Array.from({ length: 499 }, (_, index) => `merge_fields.M${index}`)]
  expect(parseSelection({ fields }).fields).toHaveLength(500)
  expect(() => parseSelection({ fields: [...fields, "status"] })).toThrow("fields")
})

/** The lowest CPU milliseconds of five runs, each of which throws. */
async function cpuMs(run: () => unknown): Promise<number> {
  const times: number[] = []
  for (let made = 0; made < 5; made += 1) {
    const before = process.cpuUsage()
    await Promise.try(run).catch(() => {})
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  return Math.min(...times)
}

test("hostile names take at most a few milliseconds, because other callers wait meanwhile", async () => {
  expect(await cpuMs(() => parseSelection({ fields: [letters] }))).toBeLessThan(20)
  expect(await cpuMs(() => parseSelection({ fields: unknownNames }))).toBeLessThan(20)
  expect(await cpuMs(() => parseSelection({ fields: unknownNames.slice(0, 500) }))).toBeLessThan(20)
  const selection = parseSelection({ fields: unknownTags })
  const lists = Array.from({ length: 1000 }, (_, index) => `list${index}`)
  const tagsOf = async (list: string) => Array.from({ length: 80 }, (_, index) => `${list}${index}`)
  const readers = { readTags: tagsOf, readInterestIds: tagsOf }
  expect(await cpuMs(() => requireListFields(selection, lists, readers))).toBeLessThan(200)
  const interests = parseSelection({
    fields: unknownTags.map((name) => name.replace("merge_fields", "interests")),
  })
  expect(await cpuMs(() => requireListFields(interests, lists, readers))).toBeLessThan(200)
})
