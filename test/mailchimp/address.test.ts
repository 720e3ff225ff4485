import { expect, test } from "bun:test"
import { createAddress, isListId } from "../../src/mailchimp/address.ts"

const apiUrl = "https://{dc}.api.mailchimp.com/3.0/"

test("toUrl() names the data center, the list and its resource, and leaves out parameters without a value", () => {
  const { toUrl } = createAddress({ dc: "us1", apiUrl })
  expect(toUrl("us1", {}, {})).toBe("https://us1.api.mailchimp.com/3.0/lists?")
  expect(toUrl("us2", { listId: "a1", resource: "members" }, { count: 5, status: undefined })).toBe(
    "https://us2.api.mailchimp.com/3.0/lists/a1/members?count=5",
  )
})

test("toUrl() takes the lists from another path of the same host", () => {
  const { toUrl } = createAddress({ dc: "us1", apiUrl, listsPath: "/api/3.0/lists/" })
  expect(toUrl("us1", { listId: "a1" }, {})).toBe("https://us1.api.mailchimp.com/api/3.0/lists/a1?")
})

test("hasLeft() locates the account once: later requests for the old data center learn that it has moved", async () => {
  const address = createAddress({ dc: "us1", apiUrl })
  const located: string[] = []
  const locate = (dc: string) => async () => {
    located.push(dc)
    return dc
  }
  expect([await address.hasLeft("us1", locate("us1")), address.dc()]).toEqual([false, "us1"])
  expect([await address.hasLeft("us1", locate("us2")), address.dc()]).toEqual([true, "us2"])
  expect(await address.hasLeft("us1", locate("us3"))).toBe(true)
  expect([address.dc(), located]).toEqual(["us2", ["us1", "us2"]])
})

test("an id that would change the path is not a list's", () => {
  expect(["a1b2c3d4e5", "A_b-1"].every(isListId)).toBe(true)
  expect(["", "..", "a/b", "a?b", "a b", "a".repeat(101)].some(isListId)).toBe(false)
})
