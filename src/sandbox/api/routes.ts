import { Hono } from "hono"
import type { Clock } from "../../lib/time.ts"
import type { Json } from "../members/member.ts"
import type { Settings } from "../settings.ts"
import type { List } from "../state.ts"
import type { Deliverer } from "../webhooks/deliverer.ts"
import { response, responseBytes } from "./json-response.ts"
import { apiAddress, findList, type ApiBindings } from "./context.ts"
import { selfLinks } from "./links.ts"
import { createListWriter, repeatLists } from "./lists.ts"
import { addInterestRoutes } from "./interest-routes.ts"
import { problemResponse } from "./problems.ts"
import {
  fieldConflicts,
  parseDate,
  parseMembersQuery,
  parsePaging,
  type MembersQuery,
} from "./query-members.ts"
import { renderMember, renderPage } from "./render-page.ts"
import { findShownMembers } from "./shown-members.ts"
import { addWebhookRoutes } from "./webhook-routes.ts"

export type ApiOptions = {
  settings: Settings
  clock: Clock
  deliverer: () => Deliverer
  newId: () => string
  /** Called after each page of members was made, for the churn. */
  onPage: (listId: string) => void
}

/**
 * The Marketing API for lists and their members, to be mounted at `/3.0` and at `/{dc}/3.0`, because real data
 * centers are hosts.
 */
export function createApiRoutes({ settings, clock, deliverer, newId, onPage }: ApiOptions) {
  const writeList = createListWriter(clock.now)
  let pages = 0

  const find = ({ id: listId, table }: List, query: MembersQuery) => {
    const { hiddenRows, surplusItems } = settings
    const hidden = hiddenRows.filter((row) => row.listId === listId)
    const { versions, totalItems } = findShownMembers(table, query, hidden)
    const surplus = typeof surplusItems === "number" ? surplusItems : surplusItems({ listId, query })
    return { versions, totalItems: Math.max(0, totalItems + surplus) }
  }

  const isOmitted = (totalItems: number) => totalItems === 0 && settings.omitsEmptyArrays
  const rowsOf = (name: string, rows: Json[], totalItems: number): Record<string, Json> =>
    isOmitted(totalItems) ? {} : { [name]: rows }

  const api = new Hono<{ Bindings: ApiBindings }>()
    .get("/", (c) => {
      const { account } = c.env
      return response(c, {
        account_id: String(account.userId),
        login_id: String(account.loginId),
        account_name: account.accountName,
        email: account.loginEmail,
        username: account.loginEmail,
        role: account.role,
        pricing_plan_type: "monthly",
        account_timezone: "Europe/London",
        total_subscribers: account.lists.reduce(
          (sum, list) => sum + list.table.order("none", "subscribed").size,
          0,
        ),
        _links: selfLinks(apiAddress(c), apiAddress(c)),
      })
    })
    .get("/ping", (c) => response(c, { health_status: "Everything's Chimpy!" }))
    .get("/lists", (c) => {
      const params = new URL(c.req.url).searchParams
      const errors = fieldConflicts(params)
      const { count, offset } = parsePaging(params, errors)
      const since = parseDate(params, "since_date_created", errors)
      const before = parseDate(params, "before_date_created", errors)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const found = c.env.account.lists.filter(({ createdAt }) => {
        const seconds = Math.floor(createdAt / 1000)
        return (since === undefined || seconds > since) && (before === undefined || seconds <= before)
      })
      const totalContacts = /^(true|1)$/.test(params.get("include_total_contacts") ?? "")
      const write = (list: List) => writeList(list, apiAddress(c), totalContacts)
      const { endlessLists, listsTotalOff } = settings
      const all = found.length + c.env.account.oddLists.length
      const odd = c.env.account.oddLists.slice(Math.max(0, offset - found.length))
      const lists = [...found.slice(offset, offset + count).map(write), ...odd].slice(0, count)
      return response(c, {
        ...(endlessLists === "off"
          ? rowsOf("lists", lists, all)
          : { lists: repeatLists(found.map(write), offset, count, endlessLists) }),
        total_items: endlessLists === "off" ? Math.max(0, all + listsTotalOff) : offset + 2 * count,
        constraints: {
          may_create: false,
          max_instances: 5,
          current_total_instances: c.env.account.lists.length,
        },
        _links: selfLinks(`${apiAddress(c)}/lists`, apiAddress(c)),
      })
    })
    .get("/lists/:list_id", (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const totalContacts = /^(true|1)$/.test(c.req.query("include_total_contacts") ?? "")
      return response(c, writeList(list, apiAddress(c), totalContacts))
    })
    .get("/lists/:list_id/merge-fields", (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const params = new URL(c.req.url).searchParams
      const errors = fieldConflicts(params)
      const { count, offset } = parsePaging(params, errors)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const address = `${apiAddress(c)}/lists/${list.id}/merge-fields`
      const fields = list.mergeFields.map(({ tag, name, type, required = false }, index) => ({
        merge_id: index + 1,
        tag,
        name,
        type,
        required,
        default_value: "",
        public: false,
        display_order: index + 2,
        options: {},
        help_text: "",
        list_id: list.id,
        _links: selfLinks(`${address}/${index + 1}`, address),
      }))
      return response(c, {
        ...rowsOf("merge_fields", fields.slice(offset, offset + count), fields.length),
        list_id: list.id,
        total_items: fields.length,
        _links: selfLinks(address, `${apiAddress(c)}/lists/${list.id}`),
      })
    })
    .get("/lists/:list_id/members", async (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const parsed = parseMembersQuery(new URL(c.req.url).searchParams, {
        campaignLastSent: Math.floor(list.campaignLastSent / 1000),
      })
      if ("errors" in parsed) return problemResponse("invalid_resource", { errors: parsed.errors })
      const { query } = parsed
      const nth = pages++
      const { latencyMs, evaluate } = settings
      const waitMs =
        typeof latencyMs === "number" ? latencyMs : latencyMs({ listId: list.id, offset: query.offset, nth })
      const early = evaluate === "after-latency" ? undefined : find(list, query)
      // Rendering before the latency takes no extra time: a page then takes exactly the configured time, to the
      // millisecond.
      if (evaluate === "before-latency") c.env.holdUntil(clock.now() + waitMs)
      else if (waitMs > 0) await clock.sleep(waitMs, c.req.raw.signal)
      const late = evaluate === "before-latency" && early ? early : find(list, query)
      const { totalItems } = early ?? late
      const page = isOmitted(totalItems)
        ? response(c, { list_id: list.id, total_items: 0 })
        : responseBytes(
            renderPage(
              { table: list.table, listId: list.id, api: apiAddress(c) },
              { versions: late.versions.slice(0, c.env.maxRows), totalItems },
              query.fields,
              query.excludeFields,
            ),
          )
      onPage(list.id)
      return page
    })
    .get("/lists/:list_id/members/:subscriber_hash", (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const params = new URL(c.req.url).searchParams
      const errors = fieldConflicts(params)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const index = list.table.find(c.req.param("subscriber_hash").toLowerCase())
      const version = index === undefined ? undefined : list.table.visible(index)
      if (!version || version.status === "gone") return problemResponse("resource_not_found")
      return responseBytes(
        renderMember(
          { table: list.table, listId: list.id, api: apiAddress(c) },
          version,
          params.get("fields") || undefined,
          params.get("exclude_fields") || undefined,
        ),
      )
    })
  addInterestRoutes(api, rowsOf)
  return addWebhookRoutes(api, { deliverer, newId })
}
