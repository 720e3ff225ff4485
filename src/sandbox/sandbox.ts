import { Hono } from "hono"
import { type Clock, systemClock } from "../lib/time.ts"
import { createAdminRoutes } from "./admin/routes.ts"
import { problemResponse } from "./api/problems.ts"
import { createApiRoutes } from "./api/routes.ts"
import { createChanges } from "./changes.ts"
import { createChurn } from "./churn.ts"
import type { Controls } from "./controls.ts"
import { createFaults } from "./faults.ts"
import { createGate } from "./gate.ts"
import { createOAuthRoutes, type OAuthClient } from "./oauth/routes.ts"
import { createRandom, seedFrom } from "./random.ts"
import { defaultSettings, type Settings } from "./settings.ts"
import { createState, defaultAccounts, type AccountSeed } from "./state.ts"
import { createTraffic, type RequestEntry } from "./traffic.ts"
import { createTruth } from "./truth.ts"
import { createDeliverer } from "./webhooks/deliverer.ts"

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
  readonly clients: readonly OAuthClient[]
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
  const faults = createFaults()

  let turns = 0
  const serverTime = () => {
    const { serverSkewsMs } = settings
    return clock.now() + (serverSkewsMs[turns++ % serverSkewsMs.length] ?? 0)
  }

  /** Everything that a reset creates again. */
  const build = () => {
    const random = createRandom(seedFrom(seed, "changes"))
    const state = createState(accounts, {
      seed,
      clock,
      visibilityDelayMs: () => settings.visibilityDelayMs,
    })
    const deliverer = createDeliverer(clock, send)
    const changes = createChanges({
      findList: state.list,
      random,
      serverTime,
      now: clock.now,
      announce: deliverer.announce,
    })
    const churn = createChurn(changes, state.list, seedFrom(seed, "churn"))
    return { state, deliverer, changes, churn }
  }
  let world = build()

  const ids = createRandom(seedFrom(seed, "ids"))
  const api = createApiRoutes({
    settings,
    clock,
    deliverer: () => world.deliverer,
    newId: () => Array.from({ length: 10 }, () => ids.integer(16).toString(16)).join(""),
    onPage: (listId) => world.churn.pageServed(listId),
  })
  const oauth = createOAuthRoutes({ clients, state: () => world.state, settings, clock, seed })
  const app = new Hono({ strict: false })
    .route("/oauth2", oauth)
    .route("/3.0", api)
    .route("/:dc{[a-z]+[0-9]+}/3.0", api)
    .notFound(() => problemResponse("resource_not_found"))
    // Hono would print the error and respond with 500; the gate knows whether the client just disconnected.
    .onError((error) => {
      throw error
    })
  const gate = createGate({
    state: () => world.state,
    settings,
    clock,
    faults,
    traffic,
    serverTime,
    stopping: stopping.signal,
    onRequest,
    route: (request, passed) => app.fetch(request, passed),
  })

  const admin = createAdminRoutes(() => sandbox)
  const sandbox: Sandbox = {
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      return pathname === "/" || pathname.startsWith("/sandbox/") ? admin.fetch(request) : gate(request)
    },
    settings,
    get state() {
      return world.state
    },
    get changes() {
      return world.changes
    },
    get churn() {
      return world.churn
    },
    get deliverer() {
      return world.deliverer
    },
    faults,
    traffic,
    clients,
    routes: [...app.routes, ...admin.routes],
    truth: (listId) => createTruth(world.state.list(listId).table),
    revoke(userId, token) {
      const { tokens } = world.state.account(userId)
      if (token === undefined) tokens.clear()
      else tokens.delete(token)
    },
    setDisabled(userId, disabled) {
      world.state.account(userId).disabled = disabled
    },
    move(userId, dc) {
      world.state.account(userId).dc = dc
    },
    reset() {
      world.deliverer.stop()
      Object.assign(settings, defaultSettings, initialSettings)
      faults.clear()
      traffic.reset()
      world = build()
    },
    stop() {
      stopping.abort()
      world.deliverer.stop()
    },
  }
  return sandbox
}
