import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Receiver } from "../../webhooks/receive.ts"
import { problems } from "../openapi.ts"

const declaration = {
  path: "/webhooks/{secret}",
  tags: ["Webhooks"],
  security: [],
  request: { params: z.object({ secret: z.string() }) },
}
const deliveryProblems = { 410: problems.webhook, 500: problems[500], 503: problems[503] }

const validateRoute = createRoute({
  ...declaration,
  method: "get",
  operationId: "validateWebhook",
  summary: "Where Mailchimp checks a webhook that it is about to save",
  responses: { 200: { description: "The address is that of a webhook" }, ...deliveryProblems },
})

const deliverRoute = createRoute({
  ...declaration,
  method: "post",
  operationId: "deliver",
  summary: "Where Mailchimp delivers changes",
  description:
    "The body is Mailchimp's form. 200 means that the delivery survives a crash of this service; an unknown address is a 410, after which Mailchimp disables the webhook.",
  responses: { 200: { description: "Stored, or not signed as it should be" }, ...deliveryProblems },
})

/** For Mailchimp. Any query is accepted, because nobody reads the errors. */
export function createDeliveryRoutes({ receiver }: { readonly receiver: Receiver }) {
  const routes = new OpenAPIHono()

  routes.openapi(validateRoute, async (context) => {
    await receiver.validate(context.req.valid("param").secret)
    return context.body(null, 200)
  })

  routes.openapi(deliverRoute, async (context) => {
    await receiver.receive(context.req.valid("param").secret, context.req.raw)
    return context.body(null, 200)
  })

  return routes
}
