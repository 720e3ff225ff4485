import { join } from "node:path"
import type { StartSandboxOptions } from "../../../src/sandbox/serve.ts"

export type FaultySandboxOptions = StartSandboxOptions & {
  /** One response in this many is faulty. */
  readonly faultEvery: number
}

export type Started = {
  readonly type: "started"
  readonly url: string
  /** The list of each account is its first one. */
  readonly accounts: readonly { readonly userId: number; readonly listId: string }[]
}

/** What the sandbox received since `count`. */
export type Received = {
  readonly type: "received"
  readonly requests: number
  readonly faults: number
  /** Requests beyond the connections of an account. */
  readonly refused: number
  /** The most simultaneous connections of an account. */
  readonly peak: number
  /** The most requests of an account in any span of t seconds, less 10 t. */
  readonly burst: number
  readonly longestBlockMs: number
}

export type FaultySandboxCommand = "count" | "tell"

/** Starts a sandbox that counts what it received and has faults, in a process of its own. */
export async function startFaultySandbox(options: FaultySandboxOptions) {
  const started = Promise.withResolvers<Started>()
  let received = Promise.withResolvers<Received>()
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "faulty-sandbox.ts"), JSON.stringify(options)],
    {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: Started | Received) => {
        if (message.type === "started") started.resolve(message)
        else received.resolve(message)
      },
      onExit: (_, code) => started.reject(new Error(`The sandbox exited with ${code}`)),
    },
  )
  const { url, accounts } = await started.promise
  const send = (command: FaultySandboxCommand) => child.send(command)
  return {
    url,
    accounts,
    /** Has this account consent from now on. */
    letConsent: async (consentingUserId: number) => {
      await fetch(`${url}/sandbox/settings`, { method: "PUT", body: JSON.stringify({ consentingUserId }) })
    },
    /** The rows that an export of the list must have. */
    rows: async (listId: string): Promise<string[]> => {
      const text = await (await fetch(`${url}/sandbox/lists/${listId}/truth`)).text()
      const members: { readonly status: string; readonly row: string }[] = text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      return members.filter(({ status }) => status !== "archived").map(({ row }) => row)
    },
    /** Counts from zero from now on. */
    count: () => send("count"),
    received: (): Promise<Received> => {
      received = Promise.withResolvers()
      send("tell")
      return received.promise
    },
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}
