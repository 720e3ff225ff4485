import type { Hono } from "hono"
import type { Json } from "../members/member.ts"
import { response } from "./json-response.ts"
import { apiAddress, findList, type ApiBindings } from "./context.ts"
import { selfLinks } from "./links.ts"
import { problemResponse } from "./problems.ts"
import { fieldConflicts, parsePaging } from "./query-members.ts"

/** Adds the interest groups of a list, and the interests of each group, to the API. */
export function addInterestRoutes(
  api: Hono<{ Bindings: ApiBindings }>,
  rowsOf: (name: string, rows: Json[], totalItems: number) => Record<string, Json>,
) {
  return api
    .get("/lists/:list_id/interest-categories", (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const params = new URL(c.req.url).searchParams
      const errors = fieldConflicts(params)
      const { count, offset } = parsePaging(params, errors)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const address = `${apiAddress(c)}/lists/${list.id}/interest-categories`
      const categories = list.interestCategories.map(({ id, title, type }, index) => ({
        list_id: list.id,
        id,
        title,
        display_order: index,
        type,
        _links: selfLinks(`${address}/${id}`, address),
      }))
      return response(c, {
        list_id: list.id,
        ...rowsOf("categories", categories.slice(offset, offset + count), categories.length),
        total_items: categories.length,
        _links: selfLinks(address, `${apiAddress(c)}/lists/${list.id}`),
      })
    })
    .get("/lists/:list_id/interest-categories/:category_id/interests", (c) => {
      const list = findList(c)
      const category = list?.interestCategories.find(({ id }) => id === c.req.param("category_id"))
      if (!list || !category) return problemResponse("resource_not_found")
      const params = new URL(c.req.url).searchParams
      const errors = fieldConflicts(params)
      const { count, offset } = parsePaging(params, errors)
      if (errors.length > 0) return problemResponse("invalid_resource", { errors })
      const parent = `${apiAddress(c)}/lists/${list.id}/interest-categories/${category.id}`
      const address = `${parent}/interests`
      const interests = category.interests.map(({ id, name }, index) => ({
        category_id: category.id,
        list_id: list.id,
        id,
        name,
        // Mailchimp sends a string here, too. Members are not counted, because every row would have to be parsed.
        subscriber_count: "0",
        display_order: index + 1,
        _links: selfLinks(`${address}/${id}`, address),
      }))
      return response(c, {
        ...rowsOf("interests", interests.slice(offset, offset + count), interests.length),
        list_id: list.id,
        category_id: category.id,
        total_items: interests.length,
        _links: selfLinks(address, parent),
      })
    })
}
