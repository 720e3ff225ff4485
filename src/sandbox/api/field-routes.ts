import type { Hono } from "hono"
import type { Settings } from "../settings.ts"
import { collectionResponse } from "./collection.ts"
import { apiAddress, withList, type ApiBindings } from "./context.ts"
import { selfLinks } from "./links.ts"
import { problemResponse } from "./problems.ts"

/** Adds the merge fields of a list, its interest groups, and the interests of each group to the API. */
export function addFieldRoutes(api: Hono<{ Bindings: ApiBindings }>, settings: Settings): void {
  api.get(
    "/lists/:list_id/merge-fields",
    withList((c, list) => {
      const parent = `${apiAddress(c)}/lists/${list.id}`
      const self = `${parent}/merge-fields`
      const rows = list.mergeFields.map(({ tag, name, type, required = false, choices }, index) => ({
        merge_id: index + 1,
        tag,
        name,
        type,
        required,
        default_value: "",
        public: false,
        display_order: index + 2,
        options: choices === undefined ? {} : { choices: [...choices] },
        help_text: "",
        list_id: list.id,
        _links: selfLinks(`${self}/${index + 1}`, self),
      }))
      return collectionResponse(c, settings, {
        name: "merge_fields",
        rows,
        ids: { list_id: list.id },
        self,
        parent,
      })
    }),
  )

  api.get(
    "/lists/:list_id/interest-categories",
    withList((c, list) => {
      const parent = `${apiAddress(c)}/lists/${list.id}`
      const self = `${parent}/interest-categories`
      const rows = list.interestCategories.map(({ id, title, type }, index) => ({
        list_id: list.id,
        id,
        title,
        display_order: index,
        type,
        _links: selfLinks(`${self}/${id}`, self),
      }))
      return collectionResponse(c, settings, {
        name: "categories",
        rows,
        ids: { list_id: list.id },
        self,
        parent,
      })
    }),
  )

  api.get(
    "/lists/:list_id/interest-categories/:category_id/interests",
    withList((c, list) => {
      const category = list.interestCategories.find(({ id }) => id === c.req.param("category_id"))
      if (!category) return problemResponse("resource_not_found")
      const parent = `${apiAddress(c)}/lists/${list.id}/interest-categories/${category.id}`
      const self = `${parent}/interests`
      const ids = { category_id: category.id, list_id: list.id }
      const rows = category.interests.map(({ id, name }, index) => ({
        ...ids,
        id,
        name,
        // Mailchimp sends a string here, too. Members are not counted, because every row would have to be parsed.
        subscriber_count: "0",
        display_order: index + 1,
        _links: selfLinks(`${self}/${id}`, self),
      }))
      return collectionResponse(c, settings, { name: "interests", rows, ids, self, parent })
    }),
  )
}
