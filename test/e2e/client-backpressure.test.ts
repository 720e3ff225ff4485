import { expect, test } from "bun:test"
import { exportMembers } from "../../src/client/client.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"

test("a loop that waits stops the requests to Mailchimp, and leaving the loop ends them", async () => {
  await using pair = await startSandboxAndService({
    lists: [{ name: "Newsletter", count: 60_000 }],
    env: { MAILCHIMP_PAGE_SIZE: "1000" },
  })
  let requests = 0
  pair.onRequest(() => (requests += 1))
  const token = String(pair.headers["authorization"]).replace("Bearer ", "")
  let seen = 0
  for await (const { members } of exportMembers({ baseUrl: pair.service.url, token }).pages()) {
    seen += members.length
    if (seen < 2000) continue
    await Bun.sleep(2000)
    const whenFull = requests
    await Bun.sleep(1000)
    // What is on its way fills the buffers between here and Mailchimp; then nothing more is requested.
    expect(requests).toBe(whenFull)
    expect(requests).toBeLessThan(45)
    break
  }
  await Bun.sleep(300)
  const whenLeft = requests
  await Bun.sleep(500)
  expect(requests).toBe(whenLeft)
}, 60_000)
