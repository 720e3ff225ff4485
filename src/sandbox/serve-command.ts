/**
 * The sandbox as a process of its own, so that a benchmark measures only the service:
 * `bun src/sandbox/serve-command.ts '{"gzip":false,"accounts":[{"tokens":["t"],"lists":[{"name":"A","count":100000}]}]}'`.
 * The argument has the options of startSandbox() as JSON. The command prints one line, `{"url":…,"accounts":…}`, and runs
 * until it is killed.
 */
import type { StartSandboxOptions } from "./serve.ts"
import { startSandbox } from "./serve.ts"

const options: StartSandboxOptions = JSON.parse(Bun.argv[2] ?? "{}")
const { url, sandbox } = startSandbox(options)
const accounts = sandbox.state.accounts.map(({ userId, dc, lists }) => ({
  user_id: userId,
  dc,
  lists: lists.map(({ id, name, table }) => ({ id, name, members: table.size })),
}))
await Bun.stdout.write(`${JSON.stringify({ url, accounts })}\n`)
