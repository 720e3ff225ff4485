/**
 * Sends deliveries as Mailchimp does, from a process of its own: what else a benchmark does then delays none of them. Started by
 * start-delivery-sender.ts, which it tells what it measured.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { SenderCommand, Sent } from "./start-delivery-sender.ts"

const [url = "", listId = ""] = Bun.argv.slice(2)
const tickMs = 10
const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let stopping = new AbortController()
let latenciesMs: number[] = []
let accepted = 0
let serial = 0

process.on("message", (command: SenderCommand) => {
  if (command.type === "stop") stopping.abort()
  else void run(command)
})

async function run(command: Exclude<SenderCommand, { type: "stop" }>): Promise<void> {
  stopping = new AbortController()
  latenciesMs = []
  accepted = 0
  delays.reset()
  const startedMs = performance.now()
  if (command.type === "burst") await Promise.all(Array.from({ length: command.count }, send))
  else await sendAtRate(command.perSecond)
  const sent: Sent = {
    latenciesMs,
    accepted,
    durationMs: performance.now() - startedMs,
    blockP99Ms: delays.percentile(99) / 1e6,
  }
  process.send?.(sent)
}

/** Sends at the rate whether or not the service keeps up, until it is stopped, and waits for the last response. */
async function sendAtRate(perSecond: number): Promise<void> {
  const startedMs = performance.now()
  const open: Promise<void>[] = []
  for (let due = 0; !stopping.signal.aborted; await Bun.sleep(tickMs))
    for (const until = ((performance.now() - startedMs) / 1000) * perSecond; due < until; due += 1)
      open.push(send())
  await Promise.all(open)
}

async function send(): Promise<void> {
  serial += 1
  const body = new URLSearchParams({
    type: "profile",
    fired_at: "2026-03-01 10:00:00",
    "data[id]": "8a25ff1d98",
    "data[email]": `member.${serial}@example.com`,
    "data[merges][FNAME]": "Ada",
    "data[merges][LNAME]": "Lovelace",
    "data[list_id]": listId,
  })
  const startedMs = performance.now()
  const response = await fetch(url, { method: "POST", body }).catch(() => undefined)
  latenciesMs.push(performance.now() - startedMs)
  if (response?.status === 200) accepted += 1
}
