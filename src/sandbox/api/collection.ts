import type { Json } from "../members/member.ts"
import type { Settings } from "../settings.ts"
import { paramsOf, type ApiContext } from "./context.ts"
import { jsonResponse } from "./json-response.ts"
import { selfLinks } from "./links.ts"
import { parseFields, parsePaging } from "./parse-params.ts"
import { problemResponse, type FieldError } from "./problems.ts"

type Collection = {
  /** The key of the rows in the response. */
  name: string
  rows: readonly Json[]
  /** The ids of the objects to which the collection belongs. */
  ids: Record<string, Json>
  /** The addresses of the collection, and of the object to which it belongs. */
  self: string
  parent: string
}

/** Responds with a page of a collection, by `count` and `offset`. */
export function collectionResponse(
  c: ApiContext,
  settings: Settings,
  { name, rows, ids, self, parent }: Collection,
): Response {
  const errors: FieldError[] = []
  parseFields(paramsOf(c), errors)
  const paging = parsePaging(paramsOf(c), errors)
  if (errors.length > 0) return problemResponse("invalid_resource", { errors })
  return jsonResponse(c, {
    ...rowsOf(name, rows, paging, settings),
    ...ids,
    total_items: rows.length,
    _links: selfLinks(self, parent),
  })
}

/** The array of a response, which an empty collection may lack. */
export function rowsOf(
  name: string,
  rows: readonly Json[],
  { count, offset }: { count: number; offset: number },
  { omitsEmptyArrays }: Settings,
): Record<string, Json> {
  return rows.length === 0 && omitsEmptyArrays ? {} : { [name]: rows.slice(offset, offset + count) }
}
