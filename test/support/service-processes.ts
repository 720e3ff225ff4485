import { join } from "node:path"
import { apiPrefix } from "../../src/http/envelope.ts"
import type { RunningSandbox } from "../../src/sandbox/serve.ts"
import { startServiceProcess } from "../../src/dev/service-process.ts"
import { sandboxEnv } from "./service.ts"
import { temporaryFolder } from "./temporary-folder.ts"

/** Services of one sandbox over one SQLite file, each a process of its own that may be killed. */
export function serviceProcesses(
  sandbox: Pick<RunningSandbox, "url">,
  changes: Readonly<Record<string, string>> = {},
  options: { readonly executable?: string } = {},
) {
  const folder = temporaryFolder()
  const started: { kill(): Promise<void> }[] = []
  const env = {
    ...sandboxEnv(sandbox),
    SQLITE_PATH: join(folder.path, "export.sqlite"),
    JOB_FILES: join(folder.path, "jobs"),
    LOG_LEVEL: "silent",
    ...changes,
  }
  return {
    /** The environment that each process is started with. */
    env,
    start: async (changes: Readonly<Record<string, string>> = {}) => {
      const service = await startServiceProcess({ ...env, ...changes }, { output: "ignore", ...options })
      started.push(service)
      return { ...service, api: service.url + apiPrefix }
    },
    /** Stops the processes that still run, and removes the file. */
    end: async () => {
      await Promise.all(started.map((service) => service.kill()))
      folder.remove()
    },
  }
}
