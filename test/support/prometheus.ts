import { describe } from "bun:test"
import { z } from "zod"
import { freePort } from "../../src/dev/free-port.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { until } from "./until.ts"

const responseSchema = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.coerce.number()]) })) }),
})

const isMissing = Bun.which("prometheus") === null || Bun.which("promtool") === null

/** A suite that needs Prometheus. If it is not installed, the suite is skipped and its name says why. */
export function describeWithPrometheus(name: string, suite: () => void): void {
  describe.skipIf(isMissing)(isMissing ? `${name} (skipped: needs prometheus and promtool)` : name, suite)
}

/** Runs promtool, and returns its exit code and everything that it printed. */
export async function promtool(args: readonly string[], input = ""): Promise<[number, string]> {
  const child = Bun.spawn(["promtool", ...args], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  })
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return [await child.exited, texts.join("")]
}

/** A Prometheus that scrapes the service ten times a second. */
export async function startPrometheus(service: { readonly url: string }, token: string) {
  const folder = temporaryFolder()
  const address = `127.0.0.1:${freePort()}`
  const scraped = `{ targets: ["${new URL(service.url).host}"] }`
  await Bun.write(
    `${folder.path}/prometheus.yml`,
    `
global: { scrape_interval: 100ms, evaluation_interval: 100ms }
rule_files: ["${new URL("../../docs/alerts.yaml", import.meta.url).pathname}"]
scrape_configs:
  - job_name: mailchimp-export
    authorization: { credentials: "${token}" }
    static_configs: [${scraped}]
`,
  )
  const child = Bun.spawn(
    [
      "prometheus",
      `--config.file=${folder.path}/prometheus.yml`,
      `--storage.tsdb.path=${folder.path}/data`,
      `--web.listen-address=${address}`,
      "--log.level=error",
    ],
    { stdout: "ignore", stderr: "ignore" },
  )
  const get = async (path: string) => fetch(`http://${address}${path}`)
  await until("Prometheus", async () => (await get("/-/ready").catch(() => undefined))?.ok === true)
  return {
    get,
    /** The values of an expression now, one for each series. */
    query: async (expression: string): Promise<number[]> => {
      const response = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)
      return responseSchema.parse(await response.json()).data.result.map(({ value: [, number] }) => number)
    },
    stop: async () => {
      child.kill("SIGKILL")
      await child.exited
      folder.remove()
    },
  }
}
