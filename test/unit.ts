/**
 * Runs the tests that start no server, process or browser: `bun run test:unit`, for an answer within 20 s. Properties and
 * schedules of the scan's model are tried a few times only; `bun run test` tries all.
 */
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { Glob } from "bun"

const server =
  /sandbox\/serve\.ts|\bBun\.(?:serve|spawn|listen|connect)\b|"node:(?:net|http|child_process)"|import \{ \$[ ,]/

const tests = [...new Glob("**/*.test.ts").scanSync({ cwd: import.meta.dir, absolute: true })]
const units = tests
  .filter((file) => !startsServer(file))
  .map((file) => `./test/${relative(import.meta.dir, file)}`)
const options = "--timeout 20000 --only-failures --preload ./test/support/quick-properties.ts".split(" ")
// One more than there are cores, because some tests wait.
const parallel = `--parallel=${navigator.hardwareConcurrency + 1}`
const child = Bun.spawn([process.execPath, "test", parallel, ...options, ...units.toSorted()], {
  cwd: join(import.meta.dir, ".."),
  env: { ...process.env, MODEL_RUNS: "50" },
  stdio: ["ignore", "inherit", "inherit"],
})
process.exitCode = await child.exited

/** Whether a test, or what it imports from below test/, starts a server. */
function startsServer(file: string): boolean {
  const text = readFileSync(file, "utf8")
  if (server.test(text)) return true
  const imports = [...text.matchAll(/from "(\.[^"]+)"/g)].map(([, path = ""]) => join(dirname(file), path))
  return imports.filter((path) => path.startsWith(import.meta.dir)).some(startsServer)
}
