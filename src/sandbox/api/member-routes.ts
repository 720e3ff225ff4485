import type { Hono } from "hono"
import type { Clock } from "../../lib/time.ts"
import type { List } from "../account.ts"
import type { Settings } from "../settings.ts"
import { apiAddress, paramsOf, withList, type ApiBindings } from "./context.ts"
import { findShownMembers } from "./hidden-rows.ts"
import type { FoundMembers } from "./find-members.ts"
import { jsonBytesResponse, jsonResponse } from "./json-response.ts"
import { parseMembersQuery, type MembersQuery } from "./members-query.ts"
import { parseFields } from "./parse-params.ts"
import { problemResponse, type FieldError } from "./problems.ts"
import { renderMember, renderPage } from "./render-page.ts"

export type MemberRoutesOptions = {
  settings: Settings
  clock: Clock
  /** Called after each page of members was made, for the churn. */
  onPage: (listId: string) => void
}

/** Adds the members of a list to the API. */
export function addMemberRoutes(
  api: Hono<{ Bindings: ApiBindings }>,
  { settings, clock, onPage }: MemberRoutesOptions,
): void {
  const find = ({ id: listId, table }: List, query: MembersQuery): FoundMembers => {
    const { hiddenRows, surplusItems } = settings
    const hidden = hiddenRows.filter((row) => row.listId === listId)
    const { versions, totalItems } = findShownMembers(table, query, hidden)
    const surplus = typeof surplusItems === "number" ? surplusItems : surplusItems({ listId, query })
    return { versions, totalItems: Math.max(0, totalItems + surplus) }
  }

  api.get(
    "/lists/:list_id/members",
    withList(async (c, list) => {
      const parsed = parseMembersQuery(paramsOf(c))
      if ("errors" in parsed) return problemResponse("invalid_resource", { errors: parsed.errors })
      const { query } = parsed
      const { latencyMs, evaluate } = settings
      const waitMs = typeof latencyMs === "number" ? latencyMs : latencyMs({ listId: list.id })
      // When a page is evaluated before the latency, the latency includes the time to render it.
      if (evaluate === "before-latency") c.env.holdUntil(clock.now() + waitMs)
      else if (waitMs > 0) await clock.sleep(waitMs, c.req.raw.signal)
      const { versions, totalItems } = find(list, query)
      const page =
        totalItems === 0 && settings.omitsEmptyArrays
          ? jsonResponse(c, { list_id: list.id, total_items: 0 })
          : jsonBytesResponse(
              renderPage(
                { table: list.table, listId: list.id, api: apiAddress(c) },
                { versions: versions.slice(0, c.env.maxRows), totalItems },
                query,
              ),
            )
      onPage(list.id)
      return page
    }),
  )

  api.get(
    "/lists/:list_id/members/:subscriber_hash",
    withList((c, list) => {
      const errors: FieldError[] = []
      const fields = parseFields(paramsOf(c), errors)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const index = list.table.find(c.req.param("subscriber_hash")?.toLowerCase() ?? "")
      const version = index === undefined ? undefined : list.table.visible(index)
      if (!version || version.status === "gone") return problemResponse("resource_not_found")
      const context = { table: list.table, listId: list.id, api: apiAddress(c) }
      return jsonBytesResponse(renderMember(context, version, fields))
    }),
  )
}
