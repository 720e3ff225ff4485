import { expect, test } from "bun:test"
import { connect, connection, disconnect, list, lists } from "../../src/client/account.ts"
import { MailchimpExportError } from "../../src/client/error.ts"
import { errorTable } from "../../src/errors.ts"
import { dataOf, problemOf, serviceOf } from "./support.ts"

const errorOf = async (promise: Promise<unknown>): Promise<MailchimpExportError> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof MailchimpExportError) return error
  throw new Error(`not an error of the client: ${error}`)
}

test("each function requests its route, with the token and no cookies", async () => {
  const { service, requests } = serviceOf(
    dataOf({ account_name: "Ada", data_center: "us1", connected_at: null, token_invalidated: false }),
    dataOf({ connected: false, webhooks_left: [{ list_id: "a", reason: "gone" }] }),
    dataOf([]),
    dataOf({ id: "l/1" }),
  )
  const withSub = { ...service, subAccountId: "sub 1" }
  expect((await connection(withSub)).account_name).toBe("Ada")
  expect((await disconnect(withSub)).webhooks_left).toEqual([{ list_id: "a", reason: "gone" }])
  expect(await lists(service)).toEqual([])
  expect((await list("l/1", service)).id).toBe("l/1")
  const root = "https://export.example.com/v1/integrations/mailchimp"
  expect(requests.map(({ url, init }) => `${init.method} ${url}`)).toEqual([
    `GET ${root}/auth?sub_account_id=sub+1`,
    `DELETE ${root}/auth?sub_account_id=sub+1`,
    `GET ${root}/lists`,
    `GET ${root}/lists/l%2F1`,
  ])
  for (const { init, headers } of requests) {
    expect(headers.get("authorization")).toBe("Bearer first")
    expect(init).toMatchObject({ credentials: "omit", redirect: "error" })
  }
})

test("connect() requests JSON with the cookies of the service", async () => {
  const login = { redirect_url: "https://login.mailchimp.com/", connected: false }
  const { service, requests } = serviceOf(dataOf(login))
  expect(await connect("https://app.example.com/done", service)).toEqual(login)
  const [request] = requests
  expect(request?.url.searchParams.get("forward_url")).toBe("https://app.example.com/done")
  expect(request?.init).toMatchObject({ credentials: "include", redirect: "error" })
  expect(request?.headers.get("accept")).toBe("application/json")
})

test("baseUrl may end with a slash, and with the prefix of the routes", async () => {
  for (const path of ["/", "/v1/integrations/mailchimp", "/v1/integrations/mailchimp/"]) {
    const { service, requests } = serviceOf(dataOf([]))
    await lists({ ...service, baseUrl: service.baseUrl + path })
    expect(requests[0]?.url.pathname).toBe("/v1/integrations/mailchimp/lists")
  }
})

test("a problem becomes an error with its code, and Mailchimp's own words", async () => {
  const upstream = { status: 403, title: "Forbidden" }
  const body = {
    code: "invalid_parameter",
    detail: "Invalid parameter: fields must be names",
    upstream,
  }
  const headers = { "content-type": "application/problem+json", "x-request-id": "r9", "retry-after": "7" }
  const { service } = serviceOf(Response.json(body, { status: 400, headers }))
  const error = await errorOf(lists(service))
  expect(error).toMatchObject({
    name: "MailchimpExportError",
    code: "invalid_parameter",
    status: 400,
    retryable: false,
    requestId: "r9",
    upstream,
    retryAfterS: 7,
    detail: "Invalid parameter: fields must be names",
    message: "Invalid parameter: fields must be names",
  })
})

test("a status is retryable if the service says so of its codes", async () => {
  for (const [code, { status, retryable }] of Object.entries(errorTable)) {
    // Only a callback, CSV and what a job has to tell have these, which no response to this client has.
    const others = [
      "exchange_failed",
      "metadata_invalid",
      "columns_changed",
      "job_not_finished",
      "job_files_full",
    ]
    if (others.includes(code)) continue
    const { service } = serviceOf(problemOf(status, code))
    expect(await errorOf(lists(service)), code).toMatchObject({ code, status, retryable })
  }
})

test("a response that is not the service's is an unexpected_response", async () => {
  const { service } = serviceOf(new Response("<html>", { status: 502 }), new Response("no", { status: 418 }))
  expect(await errorOf(lists(service))).toMatchObject({ code: "unexpected_response", retryable: true })
  expect(await errorOf(lists(service))).toMatchObject({ status: 418, retryable: false })
})

test("a token that is refused is not sent again, and a function is called for another one", async () => {
  const refusals = () => [problemOf(401, "unauthorized"), problemOf(401, "unauthorized")]
  const same = serviceOf(...refusals())
  expect((await errorOf(lists(same.service))).code).toBe("unauthorized")
  expect(same.requests).toHaveLength(1)

  const cached = serviceOf(...refusals())
  expect((await errorOf(lists({ ...cached.service, token: () => "old" }))).code).toBe("unauthorized")
  expect(cached.requests).toHaveLength(1)

  const fresh = serviceOf(problemOf(401, "unauthorized"), dataOf([]))
  const token = async (refused?: string) => (refused === "old" ? "new" : "old")
  expect(await lists({ ...fresh.service, token })).toEqual([])
  expect(fresh.requests.map(({ headers }) => headers.get("authorization"))).toEqual([
    "Bearer old",
    "Bearer new",
  ])
})

test("no error shows a token that no header may have", async () => {
  const { service, requests } = serviceOf()
  for (const token of ["sec\nret", "", "secret\u00e9"]) {
    const error = await errorOf(lists({ ...service, token }))
    expect(error.code).toBe("unauthorized")
    expect(Bun.inspect(error)).not.toContain("sec\nret")
    expect(error.message).not.toContain("secr")
  }
  expect(requests).toEqual([])
})

test("a service that cannot be reached is a network_error, an abort is the caller's own reason", async () => {
  const { service } = serviceOf(new TypeError("fetch failed"))
  expect(await errorOf(lists(service))).toMatchObject({ code: "network_error", retryable: true })
  const reason = new Error("left")
  expect(lists({ ...service, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
