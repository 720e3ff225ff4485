import { join } from "node:path"
import type { StartSandboxOptions } from "../../../src/sandbox/serve.ts"
import type { RequestEntry } from "../../../src/sandbox/traffic.ts"

/** What a fault does, and to which requests: see the sandbox's own faults. */
type FaultInput = {
  readonly match?: { readonly path?: string }
  readonly action: Readonly<Record<string, string | number>>
  readonly skip?: number
  readonly times?: number
}

type SandboxList = { readonly id: string; readonly members: number }
type SandboxAccount = {
  readonly userId: number
  readonly dc: string
  readonly lists: readonly SandboxList[]
}
type SandboxState = { readonly accounts: readonly { readonly connections: { now: number; peak: number } }[] }

/** A sandbox in a process of its own, so that what it costs is not measured with the service. */
export type SandboxProcess = AsyncDisposable & {
  readonly url: string
  readonly accounts: readonly SandboxAccount[]
  /** The data center of the first account. */
  readonly dc: string
  /** The first account's lists, in the order of the seeds. Their members are archived ones too. */
  readonly lists: readonly SandboxList[]
  set(settings: Readonly<Record<string, number | string>>): Promise<void>
  /** Every request so far, oldest first. */
  requests(): Promise<readonly RequestEntry[]>
  /** Simultaneous connections of the first account. */
  connections(): Promise<{ now: number; peak: number }>
  addFault(fault: FaultInput): Promise<void>
  clearFaults(): Promise<void>
}

/** Starts a sandbox whose only account has lists of these sizes, and the access token `token`; or other accounts. */
export async function startSandboxProcess(
  sizes: readonly number[],
  options: StartSandboxOptions = {},
): Promise<SandboxProcess> {
  const lists = sizes.map((count, index) => ({ name: `List ${index}`, count }))
  const allOptions = { decision: "approve", accounts: [{ tokens: ["token"], lists }], ...options }
  const command = join(import.meta.dir, "../../../src/sandbox/serve-command.ts")
  const child = Bun.spawn([process.execPath, command, JSON.stringify(allOptions)], {
    stdout: "pipe",
    stderr: "inherit",
  })
  const { value } = await child.stdout.getReader().read()
  const started: { url: string; accounts: (Omit<SandboxAccount, "userId"> & { user_id: number })[] } =
    JSON.parse(new TextDecoder().decode(value))
  const accounts = started.accounts.map(({ user_id, dc, lists }) => ({ userId: user_id, dc, lists }))
  const [account] = accounts
  if (account === undefined) throw new Error("The sandbox has no account")

  const call = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${started.url}/sandbox${path}`, { method, ...init })
    const text = await response.text()
    if (!response.ok) throw new Error(`The sandbox refused ${method} ${path}: ${text}`)
    return text
  }
  return {
    url: started.url,
    accounts,
    dc: account.dc,
    lists: account.lists,
    set: async (settings) => void (await call("PUT", "/settings", settings)),
    requests: async () => JSON.parse(await call("GET", "/requests")),
    connections: async () => {
      const state: SandboxState = JSON.parse(await call("GET", "/state"))
      return state.accounts[0]?.connections ?? { now: 0, peak: 0 }
    },
    addFault: async (fault) => void (await call("POST", "/faults", fault)),
    clearFaults: async () => void (await call("DELETE", "/faults")),
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}

/** Starts a proxy before a sandbox that keeps its pages: see page-cache.ts. */
export async function startPageCache(sandbox: { readonly url: string }) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "page-cache.ts"), sandbox.url], {
    stdout: "pipe",
    stderr: "inherit",
  })
  const { value } = await child.stdout.getReader().read()
  return {
    url: new TextDecoder().decode(value),
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}
