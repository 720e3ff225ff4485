import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { createMailchimpColumns } from "../../../../src/exports/formats/csv/mailchimp-columns.ts"
import { isMemberField } from "../../../../src/mailchimp/members/member-fields.ts"
import { createProjection } from "../../../../src/sandbox/api/partial-response.ts"
import { cellsByName, cellsOf, listOf } from "../../../support/csv-lists.ts"

const lastNames = [
  ["MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "LATITUDE", "LONGITUDE"],
  ["GMTOFF", "DSTOFF", "TIMEZONE", "CC", "REGION", "LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS"],
  ["STATUS", "LIST_ID", "LIST_NAME"],
].flat()
const firstNames = ["Email Address", "SMS Phone Number", "SMS_MARKETING_STATUS"]

const pets = {
  id: "c1",
  title: "Pets",
  interests: [
    { id: "i1", name: "Cats" },
    { id: "i2", name: "Dogs, large" },
    { id: "i3", name: "Birds" },
  ],
}

const member = {
  id: "00000000000000000000000000000001",
  email_address: "ada@example.com",
  unique_email_id: "810826c56e",
  web_id: 90498395,
  status: "subscribed",
  sms_phone_number: "+15550101234",
  sms_subscription_status: "subscribed",
  merge_fields: {
    FNAME: "Ada",
    LNAME: "",
    ADDRESS: { addr1: "12 High Street", addr2: "", city: "London", state: "", zip: "N1", country: "GB" },
    PHONE: "+44 7700 900123",
    BIRTHDAY: "12/10",
    POINTS: -5,
  },
  interests: { i1: true, i2: true, i3: false },
  ip_signup: "203.0.113.4",
  timestamp_signup: "2016-04-18T13:50:14+00:00",
  ip_opt: "198.51.100.7",
  timestamp_opt: "2016-04-18T13:51:14+00:00",
  member_rating: 2,
  last_changed: "2024-02-29T23:59:59+00:00",
  location: {
    latitude: 51.5074,
    longitude: -0.1278,
    gmtoff: 0,
    dstoff: 1,
    country_code: "GB",
    timezone: "Europe/London",
    region: "LND",
  },
  last_note: { note_id: 1, created_at: "", created_by: "", note: "Called back" },
  tags: [
    { id: 1, name: "VIP" },
    { id: 2, name: 'The "best"' },
  ],
  list_id: "a1b2c3d4e5",
}

describe("createMailchimpColumns()", () => {
  test("has the names of Mailchimp's own export in its order, then three of ours", () => {
    expect(createMailchimpColumns([listOf({ interestCategories: [pets] })]).names).toEqual([
      ...firstNames,
      "First Name",
      "Last Name",
      "Address",
      "Phone Number",
      "Birthday",
      "Points",
      "Pets",
      ...lastNames,
    ])
    expect(createMailchimpColumns([]).names).toEqual([...firstNames, ...lastNames])
  })

  test("writes the values of a member as Mailchimp's own export does", () => {
    expect(cellsByName(createMailchimpColumns([listOf({ interestCategories: [pets] })]), member)).toEqual({
      "Email Address": "ada@example.com",
      "SMS Phone Number": "+15550101234",
      SMS_MARKETING_STATUS: "subscribed",
      "First Name": "Ada",
      "Last Name": "",
      Address: "12 High Street  London  N1  GB",
      "Phone Number": "+44 7700 900123",
      Birthday: "12/10",
      Points: -5,
      Pets: "Cats, Dogs\\, large",
      MEMBER_RATING: 2,
      OPTIN_TIME: "2016-04-18 13:50:14",
      OPTIN_IP: "203.0.113.4",
      CONFIRM_TIME: "2016-04-18 13:51:14",
      CONFIRM_IP: "198.51.100.7",
      LATITUDE: 51.5074,
      LONGITUDE: -0.1278,
      GMTOFF: 0,
      DSTOFF: 1,
      TIMEZONE: "Europe/London",
      CC: "GB",
      REGION: "LND",
      LAST_CHANGED: "2024-02-29 23:59:59",
      LEID: 90498395,
      EUID: "810826c56e",
      NOTES: "Called back",
      TAGS: '"VIP","The ""best"""',
      STATUS: "subscribed",
      LIST_ID: "a1b2c3d4e5",
      LIST_NAME: "Newsletter",
    })
  })

  test("a member without values has empty cells, and so has an unknown location", () => {
    const columns = createMailchimpColumns([listOf({ interestCategories: [pets] })])
    const nowhere = {
      latitude: 0,
      longitude: 0,
      gmtoff: 0,
      dstoff: 0,
      country_code: "",
      timezone: "",
      region: "",
    }
    for (const member of [
      {},
      { merge_fields: null, interests: [], tags: [], location: nowhere, last_note: "" },
    ]) {
      expect(new Set(Object.values(cellsByName(columns, member)).map((cell) => cell ?? ""))).toEqual(
        new Set([""]),
      )
    }
  })

  test("values of unexpected types stay readable, and times in another zone keep it", () => {
    const cells = cellsByName(createMailchimpColumns([listOf()]), {
      merge_fields: { FNAME: ["a", 1], LNAME: true, ADDRESS: { street: "x" }, PHONE: null, POINTS: 1e21 },
      timestamp_opt: "2016-04-18T13:51:14+02:00",
      last_changed: 5,
      tags: ["plain", {}, 'a "b"'],
      member_rating: { value: 2 },
    })
    expect(cells).toMatchObject({
      "First Name": '["a",1]',
      "Last Name": true,
      Address: '{"street":"x"}',
      "Phone Number": "",
      Points: 1e21,
      CONFIRM_TIME: "2016-04-18T13:51:14+02:00",
      LAST_CHANGED: 5,
      TAGS: '"plain","","a ""b"""',
      MEMBER_RATING: '{"value":2}',
    })
  })

  test("lists share a column if tag and label are equal, and only then", () => {
    const field = (tag: string, name: string) => ({ tag, name, type: "text" })
    const columns = createMailchimpColumns([
      listOf({
        id: "a",
        name: "A",
        mergeFields: [field("FNAME", "First Name"), field("MMERGE3", "Company")],
      }),
      listOf({
        id: "b",
        name: "B",
        mergeFields: [field("MMERGE3", "Birthday"), field("FNAME", "First Name")],
      }),
    ])
    expect(columns.names.slice(3, 6)).toEqual(["First Name", "Company", "Birthday"])
    const values = { FNAME: "Ada", MMERGE3: "x" }
    expect(cellsByName(columns, { list_id: "a", merge_fields: values })).toMatchObject({
      "First Name": "Ada",
      Company: "x",
      Birthday: "",
      LIST_NAME: "A",
    })
    expect(cellsByName(columns, { list_id: "b", merge_fields: values })).toMatchObject({
      "First Name": "Ada",
      Company: "",
      Birthday: "x",
      LIST_NAME: "B",
    })
    expect(cellsByName(columns, { merge_fields: values })).toMatchObject({ Company: "x", LIST_NAME: "" })
  })

  test("interest categories of the same title share a column", () => {
    const columns = createMailchimpColumns([
      listOf({ id: "a", interestCategories: [pets] }),
      listOf({
        id: "b",
        interestCategories: [{ ...pets, id: "c2", interests: [{ id: "j1", name: "Fish" }] }],
      }),
    ])
    expect(columns.names.filter((name) => name.startsWith("Pets"))).toEqual(["Pets"])
    expect(cellsByName(columns, { list_id: "b", interests: { j1: true } })["Pets"]).toBe("Fish")
  })

  test("no two columns have the same name, whatever the labels are", () => {
    const labels = ["TAGS", "email address", "Company", "company", "Company (2)", "", "constructor"]
    const { names } = createMailchimpColumns([
      listOf({
        mergeFields: labels.map((name, index) => ({ tag: `M${index}`, name, type: "text" })),
        interestCategories: [
          { id: "c1", title: "Company", interests: [] },
          { id: "c2", title: " ", interests: [] },
        ],
      }),
    ])
    expect(names.slice(3, -lastNames.length)).toEqual([
      "TAGS (2)",
      "email address (2)",
      "Company",
      "company (2)",
      "Company (2) (2)",
      "M5",
      "constructor",
      "Company (3)",
      "c2",
    ])
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length)
  })

  test("a merge field or a chosen interest without a column is an error, an interest that was not chosen is not", () => {
    const columns = createMailchimpColumns([listOf({ interestCategories: [pets] })])
    const write = (member: object) => () => cellsByName(columns, { list_id: "a1b2c3d4e5", ...member })
    for (const tag of ["NEW", "constructor", "toString"]) {
      expect(write({ merge_fields: { FNAME: "Ada", [tag]: "", LNAME: "" } })).toThrow(
        `Cannot write a member as CSV because the merge field ${tag} has no column: the list did not have it, or could not be read, when the columns were. Start the export again: list a1b2c3d4e5`,
      )
    }
    expect(write({ interests: { i9: true } })).toThrow(expect.objectContaining({ code: "columns_changed" }))
    expect(write({ interests: { i9: false } })).not.toThrow()
  })

  test("names the fields to request from Mailchimp", () => {
    const { memberFields } = createMailchimpColumns([listOf({ interestCategories: [pets] })])
    expect(memberFields).toEqual([
      "email_address",
      "sms_phone_number",
      "sms_subscription_status",
      "merge_fields",
      "interests",
      "member_rating",
      "timestamp_signup",
      "ip_signup",
      "timestamp_opt",
      "ip_opt",
      ...["latitude", "longitude", "gmtoff", "dstoff", "timezone", "country_code", "region"].map(
        (key) => `location.${key}`,
      ),
      "last_changed",
      "web_id",
      "unique_email_id",
      "last_note.note",
      "tags.name",
      "status",
      "list_id",
    ])
  })

  test("needs no other fields of a member, and Mailchimp knows all of them", () => {
    const columns = createMailchimpColumns([listOf({ interestCategories: [pets] })])
    const { apply } = createProjection(columns.memberFields.join(","), undefined, "members")
    expect(cellsOf(columns, z.record(z.string(), z.unknown()).parse(apply(member)))).toEqual(
      cellsOf(columns, member),
    )
    expect(columns.memberFields.filter((field) => !isMemberField(field))).toEqual([])
  })

  test("has no column of an excluded field", () => {
    const excludeFields = [
      "email_address",
      "merge_fields.PHONE",
      "merge_fields.ADDRESS.city",
      "location",
      "tags",
    ]
    const columns = createMailchimpColumns([listOf({ interestCategories: [pets] })], { excludeFields })
    expect(columns.names).not.toContainAnyValues(["Email Address", "Phone Number", "CC", "TAGS"])
    expect(columns.names).toContain("Address")
    expect(columns.memberFields).not.toContain("email_address")
    const { PHONE: _, ...values } = member.merge_fields
    expect(cellsByName(columns, { ...member, merge_fields: values })["Points"]).toBe(-5)

    const none = createMailchimpColumns([listOf({ interestCategories: [pets] })], {
      excludeFields: ["merge_fields", "interests"],
    })
    expect(none.names).toEqual([...firstNames, ...lastNames])
  })
})
