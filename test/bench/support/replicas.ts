import { apiPrefix } from "../../../src/http/envelope.ts"
import { startServiceProcess } from "../../../src/dev/service-process.ts"
import type { RequestEntry } from "../../../src/sandbox/traffic.ts"
import { sandboxEnv } from "../../support/service.ts"
import { join } from "node:path"

export type Replica = Awaited<ReturnType<typeof startServiceProcess>> & { readonly api: string }

/** Services over one SQLite file, as replicas, each a process of its own at Mailchimp's real limits. */
export async function startReplicas(
  count: number,
  folder: string,
  sandbox: { readonly url: string },
  env: Readonly<Record<string, string>>,
): Promise<Replica[]> {
  const replicas: Replica[] = []
  for (let index = 0; index < count; index += 1) {
    const service = await startServiceProcess({
      ...sandboxEnv(sandbox),
      MAILCHIMP_REQUESTS_PER_SECOND: "10",
      SQLITE_PATH: join(folder, "export.sqlite"),
      JOB_FILES: join(folder, "jobs"),
      LOG_LEVEL: "error",
      ...env,
    })
    replicas.push({ ...service, api: service.url + apiPrefix })
  }
  return replicas
}

/** The most requests that started in any span of t seconds, less 10 t: ten are allowed. */
export function burstOf(requests: readonly RequestEntry[], perSecond = 10): number {
  let most = 0
  let least = Infinity
  for (const [index, { at }] of requests.entries()) {
    const allowed = (at * perSecond) / 1000
    least = Math.min(least, index - allowed)
    most = Math.max(most, index + 1 - allowed - least)
  }
  return most
}

/** Milliseconds from `sinceMs` until nine requests have started within 1.2 seconds. */
export function recoveryMs(requests: readonly RequestEntry[], sinceMs: number): number {
  const later = requests.filter(({ at }) => at >= sinceMs)
  const found = later.findIndex(({ at }, index) => (later[index + 8]?.at ?? Infinity) - at <= 1200)
  return (later[found]?.at ?? Infinity) - sinceMs
}
