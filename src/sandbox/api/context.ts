import type { Context } from "hono"
import type { Account, List } from "../account.ts"
import { problemResponse } from "./problems.ts"

/** What is known about a request before it reaches a route. */
export type ApiBindings = {
  account: Account
  /** At most this many rows in a members page, if a fault says so. */
  maxRows: number
  /** Holds the response back until this time, in ms of the sandbox's clock, however early it was ready. */
  holdUntil: (ms: number) => void
}

export type ApiContext = Context<{ Bindings: ApiBindings }>

/** A handler for a list of the caller's own account; a list of another account is not found. */
export function withList(handle: (c: ApiContext, list: List) => Response | Promise<Response>) {
  return (c: ApiContext): Response | Promise<Response> => {
    const list = c.env.account.lists.find(({ id }) => id === c.req.param("list_id"))
    return list ? handle(c, list) : problemResponse("resource_not_found")
  }
}

/** The address that the client used, up to `/3.0`. */
export function apiAddress(c: ApiContext): string {
  const { origin, pathname } = new URL(c.req.url)
  return `${origin}${pathname.slice(0, pathname.indexOf("/3.0") + 4)}`
}

/** The parameters of the request's query. */
export function paramsOf(c: ApiContext): URLSearchParams {
  return new URL(c.req.url).searchParams
}
