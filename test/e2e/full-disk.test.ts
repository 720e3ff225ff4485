import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

/** A limit on file sizes refuses writes as a full disk does, and can be set for a running process. */
async function limitFiles(pid: number, bytes: string) {
  await Bun.$`prlimit --pid ${pid} --fsize=${bytes}`.quiet()
}

test.skipIf(Bun.which("prlimit") === null)(
  "/readyz is a 503 while the disk is full, and a 200 once it is not",
  async () => {
    const mailchimp = startSandbox()
    const services = serviceProcesses(mailchimp)
    try {
      const service = await services.start()
      const statusOf = async (path: string) => (await fetch(service.url + path)).status
      await limitFiles(service.pid, "1:unlimited")
      await until("a refusal of /readyz", async () => (await statusOf("/readyz")) !== 200, { everyMs: 50 })
      const refused = await fetch(`${service.url}/readyz`)
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"])
      expect(await refused.json()).toMatchObject({ code: "database_unavailable" })
      expect(await statusOf("/healthz")).toBe(200)
      await limitFiles(service.pid, "unlimited:unlimited")
      await until("the recovery of /readyz", async () => (await statusOf("/readyz")) === 200, { everyMs: 50 })
    } finally {
      await services.end()
      await mailchimp.stop()
    }
  },
  20_000,
)
