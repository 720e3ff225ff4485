import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { hasChromium, servePage, withPage } from "../support/chromium.ts"
import { type ClientProject, createClientProject } from "../support/client-project.ts"
import { startCuttingProxy } from "../support/cutting-proxy.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

type Consumed = { readonly versions: readonly string[]; readonly retries: number; readonly status: string }
type Runtime = {
  readonly name: string
  readonly isHere: boolean
  readonly run: (name: "consume" | "consumeJob", url: string, token: string) => Promise<Consumed>
}

/** At ten requests a second an export takes some seconds, so that it is cut several times. */
const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 150,
  accounts: [{ lists: [{ name: "Newsletter", count: 14_000, imports: [400] }] }],
})
const [listId = ""] = mailchimp.sandbox.state.accounts.flatMap(({ lists }) => lists.map(({ id }) => id))
const expected = new Set(
  [...mailchimp.sandbox.truth(listId).members()].flatMap(({ status, row }) => {
    if (status === "archived") return []
    const { list_id, id, last_changed } = JSON.parse(row)
    return [`${list_id} ${id} ${last_changed}`]
  }),
)

let project: ClientProject
let page: ReturnType<typeof servePage>
let services: ReturnType<typeof serviceProcesses>

beforeAll(async () => {
  project = await createClientProject()
  const bundle = await Bun.build({ entrypoints: [join(project.path, "page.js")], target: "browser" })
  page = servePage({
    "/": { body: '<!doctype html><script type="module" src="app.js"></script>', type: "text/html" },
    "/app.js": { body: (await bundle.outputs[0]?.text()) ?? "", type: "text/javascript" },
  })
  services = serviceProcesses(mailchimp, {
    MAILCHIMP_PAGE_SIZE: "250",
    MAILCHIMP_REQUESTS_PER_SECOND: "10",
    CORS_ORIGINS: page.origin,
  })
}, 120_000)

afterAll(async () => {
  await services.end()
  await page.stop()
  await mailchimp.stop()
  project.remove()
})

const runtimes: readonly Runtime[] = [
  { name: "Bun", isHere: true, run: (...call) => runWith("bun", ...call) },
  {
    name: "Node",
    isHere: Bun.which("node") !== null,
    run: (...call) => runWith("node", ...call),
  },
  {
    name: "Chromium",
    isHere: hasChromium,
    run: (name, url, token) =>
      withPage(page.origin, (page) =>
        page.evaluate(`${name}(${JSON.stringify(url)}, ${JSON.stringify(token)})`),
      ),
  },
]

async function runWith(program: string, ...call: readonly string[]): Promise<Consumed> {
  const child = Bun.spawn([program, join(project.path, "main.js"), ...call], { stderr: "inherit" })
  return JSON.parse(await child.stdout.text())
}

async function tokenOf(service: { readonly api: string }): Promise<string> {
  const { authorization = "" } = await connectAccount(service)
  return authorization.replace("Bearer ", "")
}

function expectExact({ versions, status }: Consumed): void {
  const received = new Set(versions)
  expect(received.symmetricDifference(expected).size).toBe(0)
  expect(status).toBe("complete")
  // What a cut repeats is at most a page for each window that was open.
  expect(versions.length).toBeLessThan(2 * expected.size)
}

for (const { name, isHere, run } of runtimes) {
  describe.skipIf(!isHere)(`the client in ${name}${isHere ? "" : " (which is not installed)"}`, () => {
    test("is exact behind a proxy that cuts every 2 s", async () => {
      const service = await services.start()
      const proxy = await startCuttingProxy(service.url, 2000)
      try {
        const consumed = await run("consume", proxy.url, await tokenOf(service))
        expectExact(consumed)
        expect(consumed.retries).toBeGreaterThan(0)
      } finally {
        proxy.stop()
        await service.kill()
      }
    }, 120_000)

    test("downloads a job exactly, although the first transfer of each part breaks", async () => {
      const service = await services.start()
      try {
        const consumed = await run("consumeJob", service.url, await tokenOf(service))
        expectExact(consumed)
        expect(consumed.retries).toBeGreaterThan(0)
      } finally {
        await service.kill()
      }
    }, 120_000)

    test("is exact while the service is killed twice", async () => {
      const first = await services.start()
      const token = await tokenOf(first)
      const reading = run("consume", first.url, token)
      let service = first
      for (let kills = 0; kills < 2; kills += 1) {
        await Bun.sleep(1500)
        await service.kill()
        service = await services.start({ PORT: new URL(first.url).port })
      }
      const consumed = await reading
      expectExact(consumed)
      expect(consumed.retries).toBeGreaterThanOrEqual(2)
      await service.kill()
    }, 120_000)
  })
}
