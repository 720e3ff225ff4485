import type { Json } from "../members/member.ts"
import type { MemberTable } from "../members/member-table.ts"
import type { Version } from "../members/version.ts"
import type { FoundMembers } from "./find-members.ts"
import { memberLinks, selfLinks } from "./links.ts"
import { createProjection } from "./partial-response.ts"
import type { SelectedFields } from "./parse-params.ts"

/** The inputs of a page of members. `api` is the address of the API up to `/3.0`, for the links. */
export type PageContext = { table: MemberTable; listId: string; api: string }

/** The bytes of a members response: `members` first, then `total_items`, as on the wire. */
export function renderPage(
  { table, listId, api }: PageContext,
  { versions, totalItems }: FoundMembers,
  { fields, excludeFields }: SelectedFields,
): Uint8Array {
  const projection = createProjection(fields, excludeFields, "members")
  const links = JSON.stringify(memberLinks(api, listId, "{id}"))
  const envelope = {
    list_id: listId,
    total_items: totalItems,
    _links: selfLinks(`${api}/lists/${listId}/members`, `${api}/lists/${listId}`),
  }
  const rows = versions.map((version) => table.bytes(version))
  const tail = JSON.stringify(projection.apply(envelope)).slice(1)
  if (!projection.keepsRows || (projection.keepsRowLinks && !rows.every(hasUsualId))) {
    const selection = JSON.stringify([api, fields, excludeFields])
    const selected = versions.map((version) =>
      selectOnce(version, selection, () => projection.apply({ members: [parseRow(table, version, links)] })),
    )
    if (selected.length === 0 || selected.some((row) => row === undefined))
      return Buffer.from(JSON.stringify(projection.apply({ members: [], ...envelope })))
    return joinRows(
      selected.filter((row) => row !== undefined),
      [],
      Buffer.from(tail === "}" ? "]}" : `],${tail}`),
    )
  }
  return joinRows(
    rows,
    projection.keepsRowLinks ? links.split("{id}").map((part) => Buffer.from(part)) : [],
    Buffer.from(tail === "}" ? "]}" : `],${tail}`),
  )
}

/**
 * For each row the bytes that the last selection of fields left, because parsing every row takes longer than
 * everything else.
 */
const lastSelected = new WeakMap<
  Version,
  { readonly selection: string; readonly row: Uint8Array | undefined }
>()

/** The bytes of one row, taken from a response with only this row; undefined if the response has no members. */
function selectOnce(version: Version, selection: string, select: () => Json): Uint8Array | undefined {
  const known = lastSelected.get(version)
  if (known?.selection === selection) return known.row
  const text = JSON.stringify(select())
  const row = text.startsWith(head.toString()) ? Buffer.from(text.slice(head.length, -2)) : undefined
  lastSelected.set(version, { selection, row })
  return row
}

/** The response to a request for one member. */
export function renderMember(
  { table, listId, api }: PageContext,
  version: Version,
  { fields, excludeFields }: SelectedFields,
): Uint8Array {
  const row = parseRow(table, version, JSON.stringify(memberLinks(api, listId, "{id}")))
  return Buffer.from(JSON.stringify(createProjection(fields, excludeFields, "").apply(row)))
}

function parseRow(table: MemberTable, version: Version, links: string): Record<string, Json> {
  const row: Record<string, Json> = JSON.parse(table.text(version))
  row["_links"] = JSON.parse(links.replaceAll("{id}", String(row["id"])))
  return row
}

const head = Buffer.from('{"members":[')
const beforeLinks = Buffer.from(',"_links":')
const comma = 0x2c
const brace = 0x7d
const QUOTE = 0x22
const ID_START = 7
const ID_END = 39

const usualStart = Buffer.from('{"id":"')

/** Whether the id is the first value of a row and has 32 characters, so that its offset in the bytes is known. */
function hasUsualId(row: Uint8Array): boolean {
  return (
    Buffer.compare(row.subarray(0, ID_START), usualStart) === 0 && row.indexOf(QUOTE, ID_START) === ID_END
  )
}

/**
 * Copies rows into one buffer without parsing them. With links, the id (the first value of every row) goes between the
 * parts of the links, and the links go before the row's last brace.
 */
function joinRows(
  rows: readonly Uint8Array[],
  linkParts: readonly Uint8Array[],
  tail: Uint8Array,
): Uint8Array {
  const linkBytes =
    linkParts.length === 0
      ? 0
      : beforeLinks.length +
        linkParts.reduce((sum, part) => sum + part.length, 0) +
        (linkParts.length - 1) * (ID_END - ID_START)
  const rowBytes = rows.reduce((sum, row) => sum + row.length + 1 + linkBytes, 0)
  const page = new Uint8Array(head.length + rowBytes + tail.length)
  let end = 0
  const write = (bytes: Uint8Array) => {
    page.set(bytes, end)
    end += bytes.length
  }
  write(head)
  for (const [index, row] of rows.entries()) {
    if (index > 0) page[end++] = comma
    write(row)
    if (linkBytes > 0) {
      end--
      write(beforeLinks)
      for (const [part, bytes] of linkParts.entries()) {
        if (part > 0) write(row.subarray(ID_START, ID_END))
        write(bytes)
      }
      page[end++] = brace
    }
  }
  write(tail)
  return page.subarray(0, end)
}
