import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import type { Connection, Owner } from "../../connections/connection.ts"
import type { Disconnect } from "../../connections/disconnect.ts"
import type { FailureReason } from "../../connections/forward-url.ts"
import type { FinishAuthorization } from "../../connections/finish-authorization.ts"
import type { StartAuthorization } from "../../connections/start-authorization.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { callbackErrorPage, hideUrl, wantsJson } from "../callback-error-page.ts"
import { envelopeOf, toEnvelope } from "../envelope.ts"
import type { LoginCookie } from "../login-cookie.ts"
import type { Observe } from "../../observability/observe.ts"
import type { RequestEnv } from "../observe-requests.ts"
import { bearerSecurity, callerProblems, jsonContent, problems } from "../openapi.ts"
import { forwardUrl, isHead, once, sealedText, refuseInvalid, subAccountId } from "../parameters.ts"

const security = bearerSecurity
const tags = ["Connection"]
const stateExample = "eyJhbGciOiJkaXIiLCJ0eXAiOiJzdGF0ZSJ9..c3RhdGU.c3RhdGU.c3RhdGU"
const location = z.object({ location: z.url() })

export const loginSchema = z.object({ redirect_url: z.url().nullable(), connected: z.boolean() })
export const connectionSchema = z.object({
  account_name: z.string().nullable(),
  data_center: z.string(),
  connected_at: z.iso.datetime().nullable(),
  token_invalidated: z.boolean(),
})

const loginRoute = createRoute({
  method: "get",
  path: "/auth/login",
  operationId: "login",
  summary: "Start connecting a Mailchimp account",
  description:
    "Redirects the browser to Mailchimp, or straight to forward_url if the account is connected and the app was not removed at Mailchimp. A page cannot send a bearer header on a navigation, so it sends a request with `Accept: application/json`, like the form on /docs, and navigates to `redirect_url` itself. Unless LOGIN_COOKIE=off, the page must be on the same site as this service, or the response is a 400 `login_cross_site`. `/console` also connects an account.",
  tags,
  security,
  request: {
    query: z.strictObject({
      forward_url: forwardUrl,
      sub_account_id: subAccountId,
    }),
  },
  responses: {
    200: jsonContent(envelopeOf(loginSchema), "Where to send the browser; null if the account is connected"),
    302: {
      headers: location,
      description: "To Mailchimp, or to forward_url?status=success&integration=mailchimp",
    },
    ...callerProblems,
  },
})

const htmlContent = { "text/html": { schema: z.string() } }

const callbackRoute = createRoute({
  method: "get",
  path: "/callback",
  operationId: "finishLogin",
  summary: "The URL to which Mailchimp redirects the browser",
  description:
    "A callback that is repeated, late, or in another browser also redirects to forward_url. If the state is invalid, or this service fails, a browser gets a small page. With `Accept: application/json` every failure is a problem.",
  tags,
  security: [],
  request: {
    query: z.object({
      // Without a state the response is the same as for an invalid state.
      state: once.optional().openapi({ ...sealedText, example: stateExample, param: { required: true } }),
      code: once.optional().openapi({ example: "6d1b0c5c8f2e4a7f" }),
      error: once.optional(),
    }),
  },
  responses: {
    302: {
      headers: location,
      description: "To forward_url?status=success|failed&integration=mailchimp, if failed, with the reason",
    },
    400: { ...problems[400], content: { ...problems[400].content, ...htmlContent } },
    403: problems[403],
    409: problems[409],
    500: problems[500],
    502: problems[502],
    503: problems[503],
  },
})

const connectionRoute = createRoute({
  method: "get",
  path: "/auth",
  operationId: "readConnection",
  summary: "The caller's connection",
  tags,
  security,
  request: { query: z.strictObject({ sub_account_id: subAccountId }) },
  responses: {
    200: jsonContent(envelopeOf(connectionSchema), "The connection; never its token"),
    ...callerProblems,
    404: problems[404],
  },
})

export const disconnectedSchema = z.object({
  connected: z.literal(false),
  webhooks_left: z
    .array(z.object({ list_id: z.string(), reason: z.string() }))
    .meta({ description: "The lists whose webhook could not be removed at Mailchimp, and why" }),
})

const disconnectRoute = createRoute({
  method: "delete",
  path: "/auth",
  operationId: "disconnect",
  summary: "Disconnect, and delete everything stored for the connection",
  description:
    "Running exports of the connection end within about a second, at every replica, with the code `disconnected`: as an `error` line if `events=true`, otherwise the transfer breaks. The webhooks are removed at Mailchimp, which may take up to 20 s; one that could not be removed is disabled by its next delivery. If the service is interrupted, the next DELETE, the next login or its next start finishes.",
  tags,
  security,
  request: { query: z.strictObject({ sub_account_id: subAccountId }) },
  responses: {
    200: jsonContent(envelopeOf(disconnectedSchema), "Disconnected, now or earlier"),
    ...callerProblems,
  },
})

/** Connecting an account, reading the connection, and disconnecting. */
export function createAuthRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  /** Throws the problem of a login whose forward URL is not allowed. */
  readonly checkForwardUrl: (forwardUrl: string) => void
  readonly startAuthorization: StartAuthorization
  readonly finishAuthorization: FinishAuthorization
  readonly requireConnection: (owner: Owner) => Promise<Connection>
  readonly disconnect: Disconnect["disconnect"]
  readonly loginCookie: LoginCookie
  readonly observe: Observe
}) {
  const routes = new OpenAPIHono<CallerEnv & RequestEnv>({ defaultHook: refuseInvalid })
  routes.use("/auth", deps.authenticated)
  routes.use("/auth/*", deps.authenticated)
  routes.use("/callback", callbackErrorPage)

  routes.openapi(loginRoute, async (context) => {
    const { forward_url: forwardUrl, sub_account_id } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    hideUrl(context)
    if (isHead(context)) {
      deps.loginCookie.refuseCrossSite(context)
      deps.checkForwardUrl(forwardUrl)
      return context.body(null, 200)
    }
    const browserSecret = deps.loginCookie.ensure(context)
    const started = await deps.startAuthorization({ owner, forwardUrl, browserSecret })
    if (wantsJson(context)) {
      const redirectUrl = started.connected ? null : started.redirectUrl
      return context.json(toEnvelope({ redirect_url: redirectUrl, connected: started.connected }), 200)
    }
    return context.redirect(started.connected ? started.forwardUrl : started.redirectUrl, 302)
  })

  routes.openapi(callbackRoute, async (context) => {
    const { state, code, error } = context.req.valid("query")
    if (isHead(context)) {
      await deps.finishAuthorization({ state, code, error, browserSecret: undefined, isHead: true })
      return context.body(null, 200)
    }
    const browserSecret = deps.loginCookie.read(context)
    const observeFailure = (failure: unknown, reason: FailureReason | undefined) =>
      deps.observe({
        type: "login_failed",
        requestId: context.get("requestId"),
        failure,
        reason,
        callbackError: error,
      })
    const outcome = await deps
      .finishAuthorization({ state, code, error, browserSecret })
      .catch((failure: unknown) => {
        observeFailure(failure, undefined)
        throw failure
      })
    if (outcome.reason !== undefined) observeFailure(outcome.failure, outcome.reason)
    if (outcome.failure !== undefined && wantsJson(context)) throw outcome.failure
    return context.redirect(outcome.forwardUrl, 302)
  })

  routes.openapi(connectionRoute, async (context) => {
    const owner = toOwner(context.get("caller"), context.req.valid("query").sub_account_id)
    const { metadata, connectedAt, tokenInvalidated } = await deps.requireConnection(owner)
    return context.json(
      toEnvelope({
        account_name: metadata.accountName ?? null,
        data_center: metadata.dc,
        connected_at: connectedAt?.toISOString() ?? null,
        token_invalidated: tokenInvalidated,
      }),
      200,
    )
  })

  routes.openapi(disconnectRoute, async (context) => {
    const owner = toOwner(context.get("caller"), context.req.valid("query").sub_account_id)
    const left = await deps.disconnect(owner)
    const webhooksLeft = left.map(({ listId, reason }) => ({ list_id: listId, reason }))
    return context.json(toEnvelope({ connected: false as const, webhooks_left: webhooksLeft }), 200)
  })

  return routes
}
