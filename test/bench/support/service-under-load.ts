import { join } from "node:path"
import { apiPrefix } from "../../../src/http/envelope.ts"
import { startServiceProcess } from "../../../src/dev/service-process.ts"
import { connectAccount, sandboxEnv } from "../../support/service.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import type { ProbeResponse } from "./probe.ts"

/** The service in a process of its own, as `bun run start` has it, connected to an account of a sandbox. */
export type ServiceUnderLoad = AsyncDisposable & {
  readonly pid: number
  readonly api: string
  /** The header of the caller who has the connection. */
  readonly headers: Readonly<Record<string, string>>
  /** Connects the account that consents at the sandbox now, for one more caller, whose header it gives. */
  connect(): Promise<Readonly<Record<string, string>>>
  /** What the process itself measured since the last question. */
  probe(): Promise<ProbeResponse>
}

export async function startServiceUnderLoad(
  sandbox: { readonly url: string },
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceUnderLoad> {
  const folder = temporaryFolder()
  const unix = join(folder.path, "probe.sock")
  const service = await startServiceProcess({
    PATH: process.env["PATH"] ?? "",
    ...sandboxEnv(sandbox),
    NODE_ENV: "production",
    TOKEN_KEYS: `k1:${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`,
    SQLITE_PATH: join(folder.path, "export.sqlite"),
    LOG_LEVEL: "warn",
    BUN_OPTIONS: `--preload ${join(import.meta.dir, "probe.ts")}`,
    PROBE_SOCKET: unix,
    ...env,
  })
  const api = service.url + apiPrefix
  return {
    pid: service.pid,
    api,
    headers: await connectAccount({ api }),
    connect: () => connectAccount({ api }),
    probe: async () => JSON.parse(await (await fetch("http://probe", { unix })).text()),
    [Symbol.asyncDispose]: async () => {
      await service.stop()
      folder.remove()
    },
  }
}
