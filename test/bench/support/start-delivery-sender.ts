import { join } from "node:path"

export type SenderCommand =
  | { readonly type: "rate"; readonly perSecond: number }
  | { readonly type: "burst"; readonly count: number }
  | { readonly type: "stop" }

/** What the sender measured between a command and the last response. */
export type Sent = {
  readonly latenciesMs: readonly number[]
  /** How many were answered with 200. */
  readonly accepted: number
  readonly durationMs: number
  /** How long the sender itself was blocked: as much of a latency may be its own. */
  readonly blockP99Ms: number
}

/** Starts a process that sends deliveries to a webhook. */
export function startDeliverySender(url: string, listId: string) {
  let { promise, resolve } = Promise.withResolvers<Sent>()
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "delivery-sender.ts"), url, listId], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (sent: Sent) => resolve(sent),
  })
  const send = (command: SenderCommand) => child.send(command)
  const start = (command: SenderCommand) => {
    ;({ promise, resolve } = Promise.withResolvers<Sent>())
    send(command)
  }
  return {
    /** Sends this number a second until `stop`. */
    start: (perSecond: number) => start({ type: "rate", perSecond }),
    /** Resolves after the last response. */
    stop: (): Promise<Sent> => {
      send({ type: "stop" })
      return promise
    },
    /** Sends all at once. Resolves after the last response. */
    burst: (count: number): Promise<Sent> => {
      start({ type: "burst", count })
      return promise
    },
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}
