/** A hyperlink of a response, as in every object of Mailchimp's API. */
type Link = { rel: string; href: string; method: string; targetSchema?: string; schema?: string }

const schemas = "https://us1.api.mailchimp.com/schema/3.0"

function link(rel: string, href: string, method: string, target?: string, schema?: string): Link {
  return {
    rel,
    href,
    method,
    ...(target ? { targetSchema: `${schemas}/Definitions/${target}.json` } : {}),
    ...(schema ? { schema: `${schemas}/${schema}.json` } : {}),
  }
}

export function memberLinks(api: string, listId: string, memberId: string): Link[] {
  const members = `${api}/lists/${listId}/members`
  const self = `${members}/${memberId}`
  const response = "Lists/Members/Response"
  return [
    link("self", self, "GET", response),
    link("parent", members, "GET", "Lists/Members/CollectionResponse", "Paths/Lists/Members/Collection"),
    link("update", self, "PATCH", response, "Definitions/Lists/Members/PATCH"),
    link("upsert", self, "PUT", response, "Definitions/Lists/Members/PUT"),
    link("delete", self, "DELETE"),
    link("activity", `${self}/activity`, "GET", "Lists/Members/Activity/Response"),
    link("goals", `${self}/goals`, "GET", "Lists/Members/Goals/Response"),
    link("notes", `${self}/notes`, "GET", "Lists/Members/Notes/CollectionResponse"),
    link("events", `${self}/events`, "POST", "Lists/Members/Events/POST"),
    link("delete_permanent", `${self}/actions/delete-permanent`, "POST"),
  ]
}

/** The links of a list, a collection or any other object that has only itself and a parent. */
export function selfLinks(self: string, parent: string): Link[] {
  return [link("self", self, "GET"), link("parent", parent, "GET")]
}
