import { expect, test } from "bun:test"

const command = new URL("../../src/sandbox/serve-command.ts", import.meta.url).pathname

test("the command serves a sandbox with its options and prints its URL in one line", async () => {
  const options = {
    gzip: false,
    accounts: [{ tokens: ["t"], lists: [{ id: "aaaaaaaaaa", name: "A", count: 12 }] }],
  }
  const child = Bun.spawn(["bun", command, JSON.stringify(options)], { stdout: "pipe" })
  try {
    let line = ""
    for await (const chunk of child.stdout) {
      line += new TextDecoder().decode(chunk)
      if (line.endsWith("\n")) break
    }
    const { url, accounts } = JSON.parse(line)
    expect(accounts).toMatchObject([{ dc: "us19", lists: [{ id: "aaaaaaaaaa", name: "A", members: 12 }] }])
    const lists = await fetch(`${url}/3.0/lists`, { headers: { authorization: "Bearer t" } })
    expect(lists.status).toBe(200)
  } finally {
    child.kill()
    await child.exited
  }
})
