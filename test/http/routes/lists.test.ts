import { afterAll, afterEach, describe, expect, test } from "bun:test"
import { z } from "zod"
import { startSandboxAndService } from "../../support/sandbox-and-service.ts"
import { forbidden } from "../../support/three-lists.ts"

const pair = await startSandboxAndService({
  lists: [
    {
      name: "Tea",
      count: 10,
      mergeFields: [
        { tag: "FNAME", name: "First Name", type: "text" },
        { tag: "SIZE", name: "Size", type: "dropdown", choices: ["Small", "Large"] },
      ],
      interestCategories: [
        { title: "Sort", interests: [{ name: "Green" }, { name: "Black" }] },
        { title: "How", interests: [{ name: "Weekly" }] },
      ],
    },
  ],
})
const listsSchema = z.object({ data: z.array(z.looseObject({})) })
const problemSchema = z.looseObject({})
const { get, sandbox, account } = pair
const [tea] = account.lists
if (!tea) throw new Error("no list")
afterAll(() => pair[Symbol.asyncDispose]())
afterEach(() => sandbox.faults.clear())

describe("GET /lists/:id", () => {
  test("is the list as in /lists, with its merge fields and its interests by name", async () => {
    const { data } = listsSchema.parse(await (await get("/lists")).json())
    const response = await get(`/lists/${tea.id}`)
    expect(response.status).toBe(200)
    const [sort, how] = tea.interestCategories
    expect(await response.json()).toEqual({
      success: true,
      message: "Success",
      data: {
        ...data[0],
        merge_fields: [
          { tag: "FNAME", name: "First Name", type: "text" },
          { tag: "SIZE", name: "Size", type: "dropdown", choices: ["Small", "Large"] },
        ],
        interests: [
          { id: sort?.interests[0]?.id, name: "Green", category: "Sort" },
          { id: sort?.interests[1]?.id, name: "Black", category: "Sort" },
          { id: how?.interests[0]?.id, name: "Weekly", category: "How" },
        ],
      },
    })
  })

  test.each([
    ["0000000000", "0000000000"],
    [String(tea.webId), "web id"],
  ])("an unknown list is a 404 as in an export: %s", async (id, hint) => {
    const [list, exported] = await Promise.all([get(`/lists/${id}`), get(`/export/${id}`)])
    const [problem, expected] = [
      problemSchema.parse(await list.json()),
      problemSchema.parse(await exported.json()),
    ]
    expect(problem).toMatchObject({
      status: 404,
      code: "list_not_found",
      detail: expect.stringContaining(hint),
      upstream: { status: 404 },
    })
    // The instance is Mailchimp's own id of each occurrence.
    expect({ ...problem, upstream: 0 }).toEqual({ ...expected, upstream: 0 })
  })

  test("what cannot be an id is a 400, and an unknown parameter, too", async () => {
    expect(await (await get("/lists/a%20b")).json()).toMatchObject({ status: 400, errors: [{ name: "id" }] })
    expect((await get(`/lists/${tea.id}?fields=id`)).status).toBe(400)
  })

  test("fails with Mailchimp's own words if only the merge fields cannot be read", async () => {
    sandbox.faults.add({ match: { path: /merge-fields/ }, action: forbidden, times: Infinity })
    expect(await (await get(`/lists/${tea.id}`)).json()).toMatchObject({
      status: 403,
      code: "mailchimp_forbidden",
      upstream: { status: 403 },
    })
  })
})
