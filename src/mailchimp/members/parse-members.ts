import { isUtf8 } from "node:buffer"
import { arrayValues, compact, objectEntries } from "./json-bytes.ts"
import { isRecord, requireList, totalItemsOf } from "./page-envelope.ts"
import { type JoinedMembers, joinRows } from "./joined-members.ts"
import { MalformedPage } from "./malformed-page.ts"
import { type IdSum, addIdBytes, addText } from "../../lib/id-sum.ts"
import { ID_LENGTH } from "./unique-ids.ts"

/**
 * Splits a page with a parser, which accepts any spelling, and fewer rows than the page counts. The rows still pass byte for
 * byte, except for white space between their tokens.
 *
 * @throws {MalformedPage} if the response is not a page of at most `count` members of the list
 */
export function parseMembers(
  json: Buffer,
  { count, listId }: { readonly count: number; readonly listId?: string | undefined },
): JoinedMembers {
  if (!isUtf8(json)) throw new MalformedPage("it is not UTF-8")
  const envelope = parseJson(json)
  if (!isRecord(envelope)) throw new MalformedPage("it is not an object")
  const totalItems = totalItemsOf(envelope)
  // Mailchimp may omit the array of an empty collection.
  const members = envelope["members"] ?? (totalItems === 0 ? [] : undefined)
  if (!Array.isArray(members)) throw new MalformedPage("it has no members")
  if (totalItems === undefined) throw new MalformedPage("its total_items is missing")
  requireList(envelope, listId)
  if (members.length > count) throw new MalformedPage("it has more rows than were requested")
  const ids = members.map((member: unknown) => {
    if (!isRecord(member)) throw new MalformedPage("a row is not a member")
    return member["id"]
  })
  return { ...joinRows(rowsOf(json, members.length)), totalItems, id: keysOf(ids), addIds: createAddIds(ids) }
}

function createAddIds(ids: readonly unknown[]): JoinedMembers["addIds"] {
  return (sum, start, end, onNone) => {
    for (let index = start; index < end; index += 1) {
      const id = ids[index]
      if (typeof id === "string" && id !== "") addId(sum, id)
      else onNone(index)
    }
  }
}

/** Must give the same sum as for a page that was split by structure. */
function addId(sum: IdSum, id: string): void {
  const bytes = Buffer.from(id)
  if (bytes.length === ID_LENGTH)
    addIdBytes(sum, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0)
  else addText(sum, id)
}

function rowsOf(json: Buffer, length: number): Uint8Array[] {
  if (length === 0) return []
  // If a key occurs twice, the parser took the last.
  const entry = objectEntries(json, json.indexOf("{")).findLast(({ key }) => key === "members")
  return entry ? arrayValues(json, entry.value.start).map((span) => compact(json, span)) : []
}

/** Only a non-empty string that occurs once in its page is a key. */
function keysOf(ids: readonly unknown[]): (index: number) => string | undefined {
  const seen = new Set<unknown>([""])
  const repeated = new Set<unknown>([""])
  for (const id of ids) (seen.has(id) ? repeated : seen).add(id)
  return (index) => {
    const id = ids[index]
    return typeof id === "string" && !repeated.has(id) ? id : undefined
  }
}

export function parseJson(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString())
  } catch (cause) {
    throw new MalformedPage("it is not JSON", cause)
  }
}
