import type { Context } from "hono"

/** Bun's server, if there is one: a test that calls the app directly has none. */
export type ServerEnv = { Bindings: { timeout?: (request: Request, seconds: number) => void } }

/** Connections without traffic for this many seconds are closed. */
export const idleTimeoutS = 120

/** The longest time-out that Bun accepts; 0 means none. */
export const longestIdleTimeoutS = 255

/** Sets the idle time-out of the request's connection, which outlives the request. */
export function setIdleTimeout<E extends ServerEnv>(context: Context<E>, seconds: number): void {
  context.env?.timeout?.(context.req.raw, seconds)
}
