import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import type { CachedLists } from "../../connections/cached-lists.ts"
import type { Owner } from "../../connections/connection.ts"
import type { ListDetails } from "../../mailchimp/lists/list-details.ts"
import type { MailchimpList } from "../../mailchimp/lists/lists.ts"
import type { Subscriptions } from "../../webhooks/subscribe.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { envelopeOf, toEnvelope } from "../envelope.ts"
import { bearerSecurity, callerProblems, jsonContent, problems } from "../openapi.ts"
import { isHead, listId, oneOf, refuseInvalid, subAccountId } from "../parameters.ts"

export const listSchema = z.object({
  id: z.string().meta({
    description: "As Mailchimp sent it; a list whose id is empty or malformed cannot be exported",
  }),
  web_id: z
    .int()
    .nullable()
    .meta({ description: "The number in the URLs of Mailchimp's own pages; not the id" }),
  name: z.string(),
  member_count: z
    .int()
    .meta({ description: "Subscribed members only, as Mailchimp counts them, a few minutes old" }),
  unsubscribe_count: z.int(),
  cleaned_count: z.int(),
  webhook: z.boolean().meta({ description: "Whether Mailchimp delivers the list's changes to us" }),
})

export const listDetailsSchema = listSchema.extend({
  merge_fields: z
    .array(
      z.object({
        tag: z.string().meta({ description: "Its key in a member's `merge_fields`" }),
        name: z.string(),
        type: z.string().meta({ description: "Mailchimp's name of the type, such as `text` or `address`" }),
        choices: z
          .array(z.string())
          .optional()
          .meta({ description: "The values of a dropdown or of radio buttons" }),
      }),
    )
    .meta({ description: "Without EMAIL, which every list has" }),
  interests: z.array(
    z.object({
      id: z.string().meta({ description: "Its key in a member's `interests`" }),
      name: z.string(),
      category: z.string().meta({ description: "The title of its category" }),
    }),
  ),
})

const query = z.strictObject({
  refresh: oneOf(["true", "false"]).optional().openapi({
    description:
      "`true` requests Mailchimp anew. Otherwise the answer may be as old as LISTS_CACHE_S says; Age tells how old it is",
  }),
  sub_account_id: subAccountId,
})
const listProblems = {
  ...callerProblems,
  404: problems[404],
  409: problems[409],
  502: problems[502],
  504: problems[504],
}

const listsRoute = createRoute({
  method: "get",
  path: "/lists",
  operationId: "readLists",
  summary: "Every list of the account",
  tags: ["Export"],
  security: bearerSecurity,
  request: { query },
  responses: {
    200: jsonContent(envelopeOf(z.array(listSchema)), "The lists", {
      exportList: {
        operationId: "exportList",
        description: "Each list can be exported by its id",
        parameters: { id: "$response.body#/data/0/id" },
      },
      readList: {
        operationId: "readList",
        description: "What the members of each list may have",
        parameters: { id: "$response.body#/data/0/id" },
      },
    }),
    ...listProblems,
  },
})

const listRoute = createRoute({
  method: "get",
  path: "/lists/{id}",
  operationId: "readList",
  summary: "One list, with its merge fields and interests",
  tags: ["Export"],
  security: bearerSecurity,
  request: { params: z.strictObject({ id: listId.openapi({ example: "a1b2c3d4e5" }) }), query },
  responses: { 200: jsonContent(envelopeOf(listDetailsSchema), "The list"), ...listProblems },
})

/** The lists that can be exported. */
export function createListRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  readonly requireLiveConnection: (owner: Owner) => Promise<unknown>
  /** Reject with `access_token_not_found`, or with `connection_invalidated`. */
  readonly cachedLists: CachedLists
  readonly subscriptions: Pick<Subscriptions, "subscribed">
}) {
  const routes = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  routes.use("/lists", deps.authenticated)
  routes.use("/lists/:id", deps.authenticated)

  routes.openapi(listsRoute, async (context) => {
    const { sub_account_id, refresh } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    if (isHead(context)) {
      await deps.requireLiveConnection(owner)
      return context.json(toEnvelope([]), 200)
    }
    const { signal } = context.req.raw
    const read = await deps.cachedLists.readLists(owner, { signal, refresh: refresh === "true" })
    context.header("age", String(Math.floor(read.ageS)))
    const subscribed = await deps.subscriptions.subscribed(read.connectionId)
    return context.json(toEnvelope(read.value.map((list) => toList(list, subscribed))), 200)
  })

  routes.openapi(listRoute, async (context) => {
    const { sub_account_id, refresh } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    if (isHead(context)) {
      await deps.requireLiveConnection(owner)
      return context.json(toEnvelope(toListDetails(unreadList, new Set())), 200)
    }
    const { signal } = context.req.raw
    const { id } = context.req.valid("param")
    const read = await deps.cachedLists.readList(owner, id, { signal, refresh: refresh === "true" })
    context.header("age", String(Math.floor(read.ageS)))
    const subscribed = await deps.subscriptions.subscribed(read.connectionId)
    return context.json(toEnvelope(toListDetails(read.value, subscribed)), 200)
  })

  return routes
}

/** Stands for the list in a response to HEAD, whose body is not sent. */
const unreadList: ListDetails = {
  id: "",
  name: "",
  memberCount: 0,
  unsubscribeCount: 0,
  cleanedCount: 0,
  mergeFields: [],
  interestCategories: [],
}

function toList(
  { id, webId, name, memberCount, unsubscribeCount, cleanedCount }: MailchimpList,
  subscribed: ReadonlySet<string>,
) {
  return {
    id,
    web_id: webId ?? null,
    name,
    member_count: memberCount,
    unsubscribe_count: unsubscribeCount,
    cleaned_count: cleanedCount,
    webhook: subscribed.has(id),
  }
}

function toListDetails(
  { mergeFields, interestCategories, ...list }: ListDetails,
  subscribed: ReadonlySet<string>,
) {
  return {
    ...toList(list, subscribed),
    merge_fields: mergeFields.map(({ tag, name, type, choices }) => ({
      tag,
      name,
      type,
      ...(choices && { choices: [...choices] }),
    })),
    interests: interestCategories.flatMap(({ title, interests }) =>
      interests.map(({ id, name }) => ({ id, name, category: title })),
    ),
  }
}
