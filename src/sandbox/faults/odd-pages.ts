import type { Json } from "../members/member.ts"

type Row = Record<string, Json>

/**
 * How a page of members with status 200 and a complete body can differ from the pages that Mailchimp is known to
 * send.
 */
export const oddities = [
  "more_arrays",
  "not_utf8",
  "joined",
  "other_list",
  "no_members",
  "null_members",
  "odd_ids",
] as const

/** The response with its page made odd. A response that is not a page of members stays unchanged. */
export async function oddPage(response: Response, oddity: (typeof oddities)[number]): Promise<Response> {
  const bytes = await response.bytes()
  const page: Row = JSON.parse(Buffer.from(bytes).toString())
  const rows = page["members"]
  const isPage = response.status === 200 && Array.isArray(rows)
  return new Response(isPage ? makeOdd(bytes, page, rows, oddity) : bytes, response)
}

function makeOdd(
  bytes: Uint8Array,
  page: Row,
  rows: readonly Json[],
  oddity: (typeof oddities)[number],
): Uint8Array | string {
  const { members: _, ...envelope } = page
  switch (oddity) {
    case "more_arrays":
      return JSON.stringify({ members: rows, ...arrays, ...envelope })
    case "not_utf8":
      return bytes.with(Math.floor(bytes.length / 2), 0xff)
    case "joined":
      return joined(bytes)
    case "other_list":
      return JSON.stringify({ members: rows.map(ofAnotherList), ...envelope, list_id: "0000000000" })
    case "no_members":
    case "null_members":
      if (rows.length > 0) return bytes
      return JSON.stringify(oddity === "no_members" ? envelope : { ...envelope, members: null })
    case "odd_ids":
      return JSON.stringify({ ...page, members: rows.map(withOddId) })
  }
}

const arrays = { constraints: [{ x: 1 }, { id: 1 }], data: [{ id: "0".repeat(32) }] }

function ofAnotherList(row: Json): Json {
  return isRow(row) ? { ...row, email_address: "someone@else.example.com" } : row
}

function isRow(row: Json): row is Row {
  return typeof row === "object" && row !== null && !Array.isArray(row)
}

/** The last row lacks the bytes from the middle of its address to the middle of another key. */
function joined(bytes: Uint8Array): Uint8Array {
  const json = Buffer.from(bytes)
  const start = json.indexOf("@", json.lastIndexOf('{"id":"'))
  const end = json.indexOf('status":', start)
  return start === -1 || end === -1 ? bytes : Buffer.concat([json.subarray(0, start), json.subarray(end)])
}

/** Always the same for a given member: five of sixteen ids are odd. */
function withOddId(row: Json): Json {
  if (!isRow(row)) return row
  const { id, ...rest } = row
  const text = String(id)
  switch (text.at(-1)) {
    case "0":
      return { ...row, id: "" }
    case "1":
      return { ...row, id: null }
    case "2":
      return { ...row, id: 12 }
    case "3":
      return { ...row, id: text.toUpperCase() }
    case "4":
      return rest
    default:
      return row
  }
}
