import { afterAll, describe, expect, test } from "bun:test"
import { z } from "zod"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"
import { forbidden, notFound, serverError, type Action } from "../support/three-lists.ts"

const category = (title: string, ...names: string[]) => ({
  title,
  interests: names.map((name) => ({ name })),
})
const pair = await startSandboxAndService({
  lists: [
    { name: "None", count: 150 },
    {
      name: "Tea",
      count: 250,
      interestCategories: [category("Sort", "Green", "Black"), category("How", "Weekly")],
    },
    { name: "Jam", count: 120, interestCategories: [category("Fruit", "Plum")] },
  ],
  env: { MAILCHIMP_RETRY_S: "1" },
})
afterAll(() => pair[Symbol.asyncDispose]())

const [none, tea, jam] = pair.account.lists
if (!none || !tea || !jam) throw new Error("no lists")
const [green, , weekly] = tea.interestCategories.flatMap(({ interests }) => interests)
const [plum] = jam.interestCategories.flatMap(({ interests }) => interests)
if (!green || !weekly || !plum) throw new Error("no interests")
const problemSchema = z.object({ code: z.string(), errors: z.unknown().optional() })
const problemOf = async (response: Response) => problemSchema.parse(await response.json())
const mistyped = `${green.id.slice(0, -1)}x`

type Row = { id: string; list_id: string; interests?: Record<string, boolean> }
const rowsOf = (lines: readonly string[]): Row[] => lines.map((line) => JSON.parse(line))
const truth = () => rowsOf(pair.liveRows())

async function requestsOf(run: () => Promise<unknown>): Promise<string[]> {
  const paths: string[] = []
  pair.onRequest(({ path }) => void paths.push(path))
  await run()
  pair.onRequest(() => {})
  return paths
}

/** Runs while every request to a matching path fails. */
async function whileFailing<T>(
  listId: string,
  path: RegExp,
  action: Action,
  run: () => Promise<T>,
): Promise<T> {
  pair.sandbox.faults.add({ match: { listId, path }, action, times: Infinity })
  try {
    return await run()
  } finally {
    pair.sandbox.faults.clear()
  }
}

describe("interests.ID in a selection of fields", () => {
  test("a member of a list with interests has a key for each interest, and other members have no `interests`", () => {
    for (const { list_id, interests } of truth()) {
      const list = [none, tea, jam].find(({ id }) => id === list_id)
      const ids = list?.interestCategories.flatMap(({ interests }) => interests.map(({ id }) => id)) ?? []
      expect(Object.keys(interests ?? {})).toEqual(ids)
    }
    expect(new Set(truth().flatMap(({ interests = {} }) => Object.values(interests)))).toEqual(
      new Set([true, false]),
    )
  })

  test("is accepted in fields if any list of the account has it, and rows have only that interest", async () => {
    for (const name of [`interests.${plum.id}`, `members.interests.${plum.id}`]) {
      const { status, isBroken, rows } = await pair.receive(
        `/export?fields=members.id,members.list_id,${name}`,
      )
      expect([status, isBroken]).toEqual([200, false])
      // With the prefix, `list_id` still means the member's.
      const expected = truth().map(({ id, list_id, interests }) =>
        interests === undefined
          ? { id, list_id }
          : { id, interests: plum.id in interests ? { [plum.id]: interests[plum.id] } : {}, list_id },
      )
      expect(new Set(rows)).toEqual(new Set(expected.map((row) => JSON.stringify(row))))
    }
  })

  test("is accepted in exclude_fields, which removes only that interest", async () => {
    const { rows, isBroken } = await pair.receive(`/export/${tea.id}?exclude_fields=interests.${green.id}`)
    expect(isBroken).toBe(false)
    const expected = truth().filter(({ list_id }) => list_id === tea.id)
    for (const row of expected) delete row.interests?.[green.id]
    expect(new Set(rows)).toEqual(new Set(expected.map((row) => JSON.stringify(row))))
    expect(rows.join()).toContain(weekly.id)
    expect(rows.join()).not.toContain(green.id)
  })

  test.each(["fields", "exclude_fields"])("is a 400 that names it in %s if no list has it", async (name) => {
    const near = {
      name,
      reason: `must not name interests.${mistyped} because no member has such a field: did you mean interests.${green.id}`,
    }
    const paths = ["/export", `/export/${tea.id}`, "/export?count=10", "/export?events=true"]
    for (const path of paths) {
      const response = await pair.get(
        `${path}${path.includes("?") ? "&" : "?"}${name}=id,interests.${mistyped}`,
      )
      expect([path, response.status, (await problemOf(response)).errors]).toEqual([path, 400, [near]])
    }
    // An interest of another list does not belong to this list.
    const other = await pair.get(`/export/${jam.id}?${name}=interests.${green.id}`)
    expect([other.status, (await problemOf(other)).code]).toEqual([400, "invalid_parameter"])
    // A malformed id may be anything, so it is not quoted.
    const odd = await pair.get(`/export?${name}=interests.ada%40example%2Fcom`)
    expect([odd.status, await odd.text()]).toEqual([400, expect.not.stringContaining("ada")])
  })

  test("is looked up only if one is named, with one request per list and one per category", async () => {
    const isInterest = (path: string) => path.includes("interest-categories")
    for (const query of ["", "?fields=interests", "?exclude_fields=interests", "?fields=merge_fields.NONE"])
      expect((await requestsOf(() => pair.receive(`/export${query}`))).filter(isInterest)).toEqual([])
    const paths = await requestsOf(() => pair.get(`/export?fields=interests.${mistyped}`))
    expect(paths.filter(isInterest)).toHaveLength(3 + 3)
    expect(paths.filter((path) => /members|merge-fields/.test(path))).toEqual([])
  })

  test("one list that cannot be read is reported as for merge fields: the others are complete", async () => {
    for (const action of [notFound, forbidden]) {
      const received = await whileFailing(jam.id, /interest-categories/, action, () =>
        pair.receive(`/export?events=true&fields=list_id,interests.${green.id}`),
      )
      expect([received.status, received.problem]).toEqual([200, ""])
      expect(received.rows).toHaveLength(truth().length)
      const one = await whileFailing(tea.id, /interest-categories$/, action, () =>
        pair.get(`/export/${tea.id}?fields=interests.${green.id}`),
      )
      expect(one.status).toBe(action === notFound ? 404 : 403)
    }
  })

  test("a request that fails briefly is retried, and a request that keeps failing is the response's error", async () => {
    pair.sandbox.faults.add({ match: { path: "interests" }, action: serverError })
    expect((await pair.receive(`/export?fields=interests.${green.id}`)).isBroken).toBe(false)
    const hanging = await whileFailing(
      tea.id,
      /interests$/,
      { kind: "problem", problem: "invalid_resource" },
      () => pair.get(`/export?fields=interests.${green.id}`),
    )
    expect([hanging.status, (await problemOf(hanging)).code]).toEqual([502, "mailchimp_error"])
  })

  test("members who join later have the interests of their list, too", () => {
    const { interests } = pair.sandbox.changes.addMember(jam.id, { email_address: "new@example.com" })
    expect(interests).toEqual({ [plum.id]: false })
    expect(Object.keys(pair.sandbox.changes.addMember(tea.id)["interests"] ?? {})).toHaveLength(3)
    expect(pair.sandbox.changes.addMember(none.id)["interests"]).toBeUndefined()
  })
})
