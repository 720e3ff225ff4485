import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

/** More concurrent requests than Bun allows by default: 256. */
const held = 300
const connections = 10
const slowAccounts = Array.from({ length: held / connections }, () => ({
  lists: Array.from({ length: connections }, (_, index) => ({ name: `Slow ${index}`, count: 10 })),
}))
const never = 2 ** 31 - 1

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Other", count: 1500 }] }, ...slowAccounts],
})
const { sandbox } = mailchimp
const services = serviceProcesses(mailchimp)
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

test(`an export finishes while ${held} requests of other accounts are open`, async () => {
  const [other, ...slow] = sandbox.state.accounts
  const list = other?.lists[0]
  if (!other || !list) throw new Error("The sandbox has no list")
  sandbox.settings.latencyMs = ({ listId }) => (listId === list.id ? 0 : never)
  const service = await services.start({ MAILCHIMP_MAX_CONNECTIONS: String(connections) })
  const connect = (userId: number) => {
    sandbox.settings.consentingUserId = userId
    return connectAccount(service)
  }
  const headers = await connect(other.userId)
  const leaving = new AbortController()
  const exports: Promise<unknown>[] = []
  for (const { userId } of slow) {
    const init = { headers: await connect(userId), signal: leaving.signal }
    exports.push(fetch(`${service.api}/export`, init).catch(() => {}))
  }
  const openRequests = () =>
    slow.reduce((sum, { userId }) => sum + sandbox.traffic.connections(userId).now, 0)
  await until("the requests of every slow account", () => openRequests() >= held)

  const response = await fetch(`${service.api}/export/${list.id}`, { headers })
  expect((await response.text()).trim().split("\n")).toHaveLength(list.table.order("none", "live").size)
  expect(openRequests()).toBe(held)
  leaving.abort()
  await Promise.all(exports)
}, 60_000)
