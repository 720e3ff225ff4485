import type { Hono } from "hono"
import type { Clock } from "../../lib/time.ts"
import type { Settings } from "../settings.ts"
import { rowsOf } from "./collection.ts"
import { apiAddress, paramsOf, withList, type ApiBindings } from "./context.ts"
import { jsonResponse } from "./json-response.ts"
import { selfLinks } from "./links.ts"
import { createListWriter, repeatLists } from "./lists.ts"
import { parseFields, parsePaging, refuseParams } from "./parse-params.ts"
import { problemResponse, type FieldError } from "./problems.ts"

/** Mailchimp's other parameters of GET /lists. */
export const otherListParams = [
  "since_date_created",
  "before_date_created",
  "include_total_contacts",
] as const

/** Adds the lists of the account to the API. */
export function addListRoutes(api: Hono<{ Bindings: ApiBindings }>, settings: Settings, clock: Clock): void {
  const writeList = createListWriter(clock.now)

  api.get("/lists", (c) => {
    const params = paramsOf(c)
    const errors: FieldError[] = []
    refuseParams(params, otherListParams, errors)
    parseFields(params, errors)
    const { count, offset } = parsePaging(params, errors)
    if (errors.length > 0) return problemResponse("invalid_resource", { errors })

    const { lists, oddLists } = c.env.account
    const { endlessLists, listsTotalOff } = settings
    const written = lists.map((list) => writeList(list, apiAddress(c)))
    const rows = [...written, ...oddLists]
    return jsonResponse(c, {
      ...(endlessLists === "off"
        ? rowsOf("lists", rows, { count, offset }, settings)
        : { lists: repeatLists(written, offset, count, endlessLists) }),
      total_items: endlessLists === "off" ? Math.max(0, rows.length + listsTotalOff) : offset + 2 * count,
      constraints: { may_create: false, max_instances: 5, current_total_instances: lists.length },
      _links: selfLinks(`${apiAddress(c)}/lists`, apiAddress(c)),
    })
  })

  api.get(
    "/lists/:list_id",
    withList((c, list) => jsonResponse(c, writeList(list, apiAddress(c)))),
  )
}
