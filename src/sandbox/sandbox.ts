import { Hono } from "hono"
import { type Clock, systemClock } from "../lib/time.ts"
import { createAdminRoutes } from "./admin/routes.ts"
import { problemResponse } from "./api/problems.ts"
import { createApiRoutes } from "./api/routes.ts"
import { createControls, type Controls } from "./controls.ts"
import { createFaults } from "./faults/faults.ts"
import { createGate } from "./gate.ts"
import type { OAuthClient } from "./oauth/check-client.ts"
import { createOAuthRoutes } from "./oauth/routes.ts"
import { createRandom, seedFrom } from "./random.ts"
import { defaultAccounts, type AccountSeed } from "./seeds.ts"
import { createServerClock } from "./server-clock.ts"
import { defaultSettings, type Settings } from "./settings.ts"
import { createTraffic, type RequestEntry } from "./traffic.ts"
import { createWorld } from "./world.ts"

export type SandboxOptions = Partial<Settings> & {
  /** The same seed gives the same members and the same churn; 1 by default. */
  seed?: number
  accounts?: readonly AccountSeed[]
  /** The registered apps; `defaultClient` by default. */
  clients?: readonly OAuthClient[]
  clock?: Clock
  /** Called as each request arrives. */
  onRequest?: (entry: RequestEntry) => void
  /** The fetch that delivers webhooks. */
  fetch?: (request: Request) => Promise<Response>
}

/** The app that is registered if no client is given; it may redirect to any http(s) URI. */
export const defaultClient: OAuthClient = { clientId: "sandbox-client", clientSecret: "sandbox-secret" }

/** A local Mailchimp: the handler of its requests, and the controls that a test or a demo uses. */
export type Sandbox = Controls & {
  fetch(request: Request): Response | Promise<Response>
  readonly routes: readonly { method: string; path: string }[]
  /** Releases hanging requests and deliveries in progress. */
  stop(): void
}

/** Builds a Mailchimp in memory. Nothing listens: pass requests to its `fetch`, or see startSandbox(). */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const {
    seed = 1,
    accounts = defaultAccounts,
    clients = [defaultClient],
    clock = systemClock,
    fetch: send = (request) => fetch(request),
    onRequest,
    ...initialSettings
  } = options
  const settings: Settings = { ...defaultSettings, ...initialSettings }
  const stopping = new AbortController()
  const traffic = createTraffic(clock)
  const faults = createFaults(clock)
  const serverClock = createServerClock(clock, settings)
  const controls = createControls({
    buildWorld: () => createWorld({ accounts, seed, settings, clock, serverClock, send }),
    settings,
    faults,
    traffic,
  })

  const ids = createRandom(seedFrom(seed, "ids"))
  const api = createApiRoutes({
    settings,
    clock,
    deliverer: () => controls.deliverer,
    newId: () => Array.from({ length: 10 }, () => ids.integer(16).toString(16)).join(""),
    onPage: (listId) => controls.churn.pageServed(listId),
  })
  const mailchimp = new Hono({ strict: false })
    .route("/oauth2", createOAuthRoutes({ clients, state: () => controls.state, settings, clock, seed }))
    .route("/3.0", api)
    .route("/:dc{[a-z]+[0-9]+}/3.0", api)
    .notFound(() => problemResponse("resource_not_found"))
    // Hono would print the error and respond with 500; the gate knows whether the client just disconnected.
    .onError((error) => {
      throw error
    })
  const gate = createGate({
    state: () => controls.state,
    settings,
    clock,
    serverClock,
    faults,
    traffic,
    stopping: stopping.signal,
    onRequest,
    route: (request, passed) => mailchimp.fetch(request, passed),
  })
  const admin = createAdminRoutes(controls)

  // Assigned rather than spread, because the controls' getters must stay getters.
  return Object.assign(controls, {
    fetch: (request: Request) => {
      const { pathname } = new URL(request.url)
      return pathname === "/" || pathname.startsWith("/sandbox/") ? admin.fetch(request) : gate(request)
    },
    routes: [...mailchimp.routes, ...admin.routes],
    stop() {
      stopping.abort()
      controls.deliverer.stop()
    },
  })
}
