/**
 * A sandbox in a process of its own, with a faulty response now and then: what else a benchmark does then delays no request, which
 * would be counted later than it was sent. Started by start-faulty-sandbox.ts, which it tells what it received.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import type { RequestEntry } from "../../../src/sandbox/traffic.ts"
import { burstOf } from "./replicas.ts"
import type { FaultySandboxCommand, FaultySandboxOptions, Received, Started } from "./start-faulty-sandbox.ts"

const actions = [
  { kind: "problem", problem: "too_many_requests" },
  { kind: "problem", problem: "internal_server_error" },
  { kind: "problem", problem: "service_unavailable" },
  { kind: "problem", problem: "gateway_timeout" },
  { kind: "html", status: 502 },
  { kind: "html", status: 403, page: "akamai" },
  { kind: "empty", status: 403 },
  { kind: "json", status: 401, body: {} },
  { kind: "reset" },
  { kind: "cut" },
  { kind: "bad_json" },
  { kind: "hang" },
  { kind: "trickle" },
  { kind: "slow", chunks: 5, everyMs: 200 },
] as const

const { faultEvery, ...options }: FaultySandboxOptions = JSON.parse(Bun.argv[2] ?? "{}")
const delay = monitorEventLoopDelay({ resolution: 5 })
// The sandbox's own log has only the newest requests.
let requests: RequestEntry[] = []
let faults = 0
const { url, sandbox } = startSandbox({
  ...options,
  onRequest: (entry) => {
    if (!entry.path.includes("/3.0/")) return
    requests.push(entry)
    if (requests.length % faultEvery !== 0) return
    const action = actions[faults % actions.length]!
    faults += 1
    // The one before it was played, so the list of faults stays short.
    sandbox.faults.clear()
    sandbox.faults.add({ match: { path: "/3.0/" }, action })
  },
})
const { accounts } = sandbox.state

process.on("message", (command: FaultySandboxCommand) => {
  if (command === "tell") process.send?.(toReceived())
  else {
    requests = []
    faults = 0
    delay.enable()
    delay.reset()
  }
})

function toReceived(): Received {
  const byUser = Map.groupBy(requests, ({ userId }) => userId)
  return {
    type: "received",
    requests: requests.length,
    faults,
    refused: requests.filter(({ status, fault }) => status === 429 && fault === undefined).length,
    peak: Math.max(...accounts.map(({ userId }) => sandbox.traffic.connections(userId).peak)),
    burst: Math.max(...accounts.map(({ userId }) => burstOf(byUser.get(userId) ?? []))),
    longestBlockMs: delay.max / 1e6,
  }
}

const started: Started = {
  type: "started",
  url,
  accounts: accounts.map(({ userId, lists }) => ({ userId, listId: lists[0]?.id ?? "" })),
}
process.send?.(started)
