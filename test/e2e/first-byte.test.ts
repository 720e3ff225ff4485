import { expect, test } from "bun:test"
import { systemClock } from "../../src/lib/time.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"
import { until } from "../support/until.ts"

/** The time in which the service waits runs 30 times as fast. */
const fastClock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 30,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 30, signal),
}

test("while ten requests of the account hang, exports, slices and /lists are a 503 after 30 s that says what they waited for", async () => {
  await using pair = await startSandboxAndService({
    lists: [{ name: "Some", count: 300 }],
    serviceClock: fastClock,
    env: { MAILCHIMP_TIMEOUT_MS: "3600000" },
  })
  const { sandbox, service, listIds } = pair
  sandbox.faults.add({ match: { path: "/members" }, action: { kind: "hang" }, times: 10 })
  const consumer = new AbortController()
  const { headers } = pair
  const hanging = Array.from({ length: 10 }, () =>
    fetch(`${service.api}/export`, { headers, signal: consumer.signal }).catch(() => {}),
  )
  await until(
    "ten requests that hang",
    () => sandbox.traffic.log.filter(({ fault }) => fault !== undefined).length >= 10,
  )

  const paths = ["/export", "/export?events=true", `/export/${listIds[0]}`, "/export?count=1", "/lists"]
  const refusals = await Promise.all(
    paths.map(async (path) => {
      const response = await pair.get(path)
      return {
        status: response.status,
        wait: response.headers.get("retry-after"),
        body: await response.json(),
      }
    }),
  )
  for (const { status, wait, body } of refusals) {
    expect([status, wait]).toEqual([503, "10"])
    expect(body).toMatchObject({
      code: "mailchimp_throttled",
      detail: expect.stringContaining("other requests of this Mailchimp user hold all of them"),
    })
  }
  consumer.abort()
  await Promise.all(hanging)
  // Once these requests have ended, everything works again.
  expect((await pair.receive("/export")).rows.length).toBeGreaterThan(200)
}, 60_000)
