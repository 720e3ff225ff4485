import { Database } from "bun:sqlite"
import { join } from "node:path"
import { type StartSandboxOptions, startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "./service.ts"
import { temporaryFolder } from "./temporary-folder.ts"

type Options = Omit<StartSandboxOptions, "accounts"> & {
  readonly signsWebhooks?: boolean
  readonly lists?: number
  /** How many members each list has. */
  readonly members?: number
  readonly env?: Readonly<Record<string, string>>
}

/**
 * A sandbox with one account of some lists, ten members each by default, and a service that is connected to it. What is stored can be
 * looked at.
 */
export async function startWebhookService({
  signsWebhooks = false,
  lists = 1,
  members = 10,
  env,
  ...options
}: Options = {}) {
  const folder = temporaryFolder()
  const sqlitePath = join(folder.path, "export.sqlite")
  const seeds = Array.from({ length: lists }, (_, index) => ({ name: `List ${index}`, count: members }))
  const mailchimp = startSandbox({
    decision: "approve",
    ...options,
    accounts: [{ signsWebhooks, lists: seeds }],
  })
  const service = await startService({ ...sandboxEnv(mailchimp), SQLITE_PATH: sqlitePath, ...env })
  const uid = crypto.randomUUID()
  const headers = await connectAccount(service, uid)
  const { sandbox } = mailchimp
  const listIds = sandbox.state.accounts[0]?.lists.map(({ id }) => id) ?? []
  const [listId = ""] = listIds
  const call = async (method: string, path: string) => {
    const response = await fetch(service.api + path, { method, headers })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  return {
    sandbox,
    service,
    headers,
    /** The user of the platform who is connected. */
    uid,
    folder: folder.path,
    listIds,
    listId,
    call,
    hooks: () => sandbox.state.list(listId).webhooks,
    /** Sends a delivery as Mailchimp would, to the list's first webhook unless there is another address. */
    deliver: (
      form: string | Uint8Array<ArrayBuffer>,
      init: { readonly url?: string; readonly headers?: Readonly<Record<string, string>> } = {},
    ) =>
      fetch(init.url ?? sandbox.state.list(listId).webhooks[0]?.url ?? "", {
        method: "POST",
        body: form,
        headers: { "content-type": "application/x-www-form-urlencoded", ...init.headers },
      }),
    /** Every row of a table of the service's database. */
    rows: (table: "connections" | "webhooks" | "deliveries") => {
      using database = new Database(sqlitePath, { readonly: true })
      return database.query<Record<string, unknown>, []>(`SELECT * FROM ${table}`).all()
    },
    /** The lines that were logged with this message. */
    logged: (message: string) =>
      service.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message),
    [Symbol.asyncDispose]: async () => {
      await service.stop()
      await mailchimp.stop()
      folder.remove()
    },
  }
}
