import type { Clock } from "../../src/lib/time.ts"
import { type StartSandboxOptions, startSandbox } from "../../src/sandbox/serve.ts"
import type { ListSeed } from "../../src/sandbox/seeds.ts"
import type { RequestEntry } from "../../src/sandbox/traffic.ts"
import { liveRowsOf } from "./live-rows.ts"
import { receiveExport } from "./received-export.ts"
import { connectAccount, sandboxEnv, startService } from "./service.ts"

type Options = Omit<StartSandboxOptions, "accounts" | "onRequest"> & {
  readonly lists: readonly ListSeed[]
  readonly env?: Readonly<Record<string, string>>
  /** The service's own clock. */
  readonly serviceClock?: Clock
  /** The URL at which the service finds Mailchimp, if something is between them. */
  readonly via?: (sandboxUrl: string) => Promise<{ readonly url: string; stop(): void }>
}

/** An export that takes longer than this is considered endless. */
const patienceMs = 15_000

/**
 * A sandbox with one account and a service that is connected to it, each on its own socket; pages of 100 members and a
 * margin of one second, unless `env` says otherwise.
 */
export async function startSandboxAndService(options: Options) {
  const { lists, env, serviceClock, via, ...sandboxOptions } = options
  let onRequest: (entry: RequestEntry) => void = () => {}
  const mailchimp = startSandbox({
    decision: "approve",
    ...sandboxOptions,
    accounts: [{ lists }],
    onRequest: (entry) => onRequest(entry),
  })
  const { sandbox } = mailchimp
  const gateway = await via?.(mailchimp.url)
  const service = await startService(
    {
      ...sandboxEnv(gateway ?? mailchimp),
      MAILCHIMP_PAGE_SIZE: "100",
      CURSOR_MARGIN_S: "1",
      ...env,
    },
    serviceClock ? { clock: serviceClock } : {},
  )
  const headers = await connectAccount(service)
  const [account] = sandbox.state.accounts
  if (!account) throw new Error("no account")

  const get = (path: string) =>
    fetch(service.api + path, { headers, signal: AbortSignal.timeout(patienceMs) })
  return {
    sandbox,
    service,
    account,
    headers,
    listIds: account.lists.map(({ id }) => id),
    get,
    /** Calls this as each request arrives at the sandbox from now on. */
    onRequest: (listener: (entry: RequestEntry) => void) => void (onRequest = listener),
    /** Exports and reads to the end. */
    receive: async (path: string) => receiveExport(await get(path)),
    /** The live members of a list, or of all lists, as the lines of an export. */
    liveRows: (listId?: string) =>
      account.lists
        .filter(({ id }) => listId === undefined || id === listId)
        .flatMap(({ id }) => liveRowsOf(sandbox, id)),
    [Symbol.asyncDispose]: async () => {
      await service.stop()
      gateway?.stop()
      await mailchimp.stop()
    },
  }
}

export type SandboxAndService = Awaited<ReturnType<typeof startSandboxAndService>>

/** The `list_id` of a row. */
export function listIdOf(row: string): string {
  return JSON.parse(row).list_id
}

/** How many rows are missing, how many are extra, and three of them by their address. */
export function differenceOf(rows: Iterable<string>, expected: Iterable<string>) {
  const received = new Set(rows)
  const wanted = new Set(expected)
  const missing = [...wanted.difference(received)]
  const foreign = [...received.difference(wanted)]
  const examples = [...missing, ...foreign].slice(0, 3).map((row) => String(JSON.parse(row).email_address))
  return { missing: missing.length, foreign: foreign.length, examples }
}

export const noDifference = { missing: 0, foreign: 0, examples: [] }
