import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { apiPrefix } from "../../src/http/envelope.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { caddy, nginx, type RunningProxy } from "../support/proxies.ts"
import { receiveExport } from "../support/received-export.ts"
import { connectAccount, type RunningService, sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

for (const proxy of [nginx, caddy])
  proxy.describe(`two services behind ${proxy.name}, configured as docs/proxies says`, () => {
    const folder = temporaryFolder()
    const mailchimp = startSandbox({
      decision: "approve",
      accounts: [{ lists: [{ name: "People", count: 2000 }] }],
    })
    const { faults } = mailchimp.sandbox
    let services: RunningService[]
    let running: RunningProxy
    let api: string
    let headers: Record<string, string>

    beforeAll(async () => {
      const env = {
        ...sandboxEnv(mailchimp),
        MAILCHIMP_PAGE_SIZE: "100",
        MAILCHIMP_RETRY_S: "1",
        SQLITE_PATH: join(folder.path, "export.sqlite"),
        JOB_FILES: join(folder.path, "jobs"),
      }
      services = [await startService(env), await startService(env)]
      running = await proxy.start(services)
      api = running.url + apiPrefix
      headers = await connectAccount(services[0]!)
    }, 60_000)
    afterAll(async () => {
      await running.stop()
      await Promise.all(services.map((service) => service.stop()))
      await mailchimp.stop()
      folder.remove()
    })

    const logged = (text: string) => services.some(({ log }) => log.some((line) => line.includes(text)))
    /** A fault of every request for members, after the first pages. */
    const faultInTheMiddle = (action: Parameters<typeof faults.add>[0]["action"]) =>
      faults.add({ match: { path: "/members" }, action, skip: 6, times: Infinity })

    test("rows arrive while Mailchimp still delays later pages, and the export ends complete", async () => {
      const fault = faults.add({
        match: { path: "/members", query: "count=100&" },
        action: { kind: "delay", ms: 5000 },
        skip: 3,
      })
      const startMs = performance.now()
      const response = await fetch(`${api}/export?events=true`, { headers })
      const [body, watched] = response.body!.tee()
      await watched.getReader().read()
      expect(performance.now() - startMs).toBeLessThan(5000)
      const received = await receiveExport(new Response(body, { headers: response.headers }))
      expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(fault.played).toBe(1)
    }, 30_000)

    test("an export that breaks at the service breaks at the consumer, too", async () => {
      const fault = faultInTheMiddle({ kind: "problem", problem: "internal_server_error" })
      const response = await fetch(`${api}/export`, { headers })
      expect(response.status).toBe(200)
      await expect(response.text()).rejects.toThrow()
      fault.remove()
    }, 30_000)

    test("a consumer that leaves ends its export at the service", async () => {
      const fault = faultInTheMiddle({ kind: "hang" })
      const leaving = new AbortController()
      const response = await fetch(`${api}/export`, { headers, signal: leaving.signal })
      await response.body!.getReader().read()
      leaving.abort()
      await until("the end of the export", () => logged("export left"), { withinS: 5 })
      fault.remove()
    }, 30_000)

    test("each request has an id of the proxy's own, which is in the service's log", async () => {
      const chosen = { ...headers, "x-request-id": "chosen-by-a-caller" }
      const ids = [0, 1].map(async () => {
        const response = await fetch(`${api}/auth`, { headers: chosen })
        return response.headers.get("x-request-id") ?? ""
      })
      const [first = "", second = ""] = await Promise.all(ids)
      expect(first).toMatch(/^[\da-f-]{32,36}$/)
      expect(first).not.toBe(second)
      expect(logged(first)).toBe(true)
    })

    test("a cursor of 7 KB arrives, and a body that is too large does not", async () => {
      const long = await fetch(`${api}/export?events=true`, {
        headers: { ...headers, "export-cursor": "x".repeat(7000) },
      })
      expect([long.status, await long.text()]).toEqual([400, expect.stringContaining("invalid_cursor")])
      const large = await fetch(`${api}/export-jobs`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ cursor: "x".repeat(200_000) }),
      })
      // Caddy passes a body on while it counts it, so the service may refuse it first.
      const refusal = `${large.status} ${await large.text()}`
      expect(refusal).toMatch(/^413|^400 .*must have at most 131072 bytes/)
    })

    test("the address of a webhook is in no log of the proxy", async () => {
      const secret = "0123456789abcdef0123456789abcdef0123456789a"
      const delivery = await fetch(`${api}/webhooks/${secret}`, { method: "POST", body: "type=subscribe" })
      expect(delivery.status).toBe(410)
      await fetch(`${api}/lists`, { headers })
      await until("the log", async () => (await running.log()).includes("/lists"))
      expect(await running.log()).not.toContain(secret)
    })

    test("a replica that shuts down costs no export: the other one is asked", async () => {
      services[0]!.services.drain()
      // Caddy looks once a second whether a replica is ready.
      await Bun.sleep(1500)
      for (let tries = 0; tries < 6; tries += 1)
        expect((await fetch(`${api}/export?count=1`, { headers })).status).toBe(200)
      await services[0]!.stop()
      for (let tries = 0; tries < 6; tries += 1)
        expect((await fetch(`${api}/export?count=1`, { headers })).status).toBe(200)
    }, 30_000)
  })
