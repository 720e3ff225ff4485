import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { type ClientProject, createClientProject } from "../support/client-project.ts"
import { toCommandEnv } from "../support/command-folders.ts"
import { startCuttingProxy } from "../support/cutting-proxy.ts"
import { runCommandProcess } from "../support/run-command.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"

let project: ClientProject
let pair: Awaited<ReturnType<typeof startSandboxAndService>>
let env: Record<string, string>

beforeAll(async () => {
  project = await createClientProject()
  pair = await startSandboxAndService({ latencyMs: 50, lists: [{ name: "Newsletter", count: 2500 }] })
  env = toCommandEnv(pair)
}, 120_000)
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  project.remove()
})

const installed = () => join(project.path, "node_modules/.bin/mailchimp-export")

for (const runtime of ["node", "bun"] as const) {
  const isHere = Bun.which(runtime) !== null
  describe.skipIf(!isHere)(`installed, in ${runtime}${isHere ? "" : " (which is not installed)"}`, () => {
    const run = (args: string, more: Record<string, string> = {}) =>
      runCommandProcess(args.split(" "), {
        env: { ...env, ...more },
        cwd: project.path,
        program: [runtime, installed()],
      })

    test("pull is exact, also behind a proxy that cuts", async () => {
      const proxy = await startCuttingProxy(pair.service.url, 300)
      try {
        const { exitCode, stderr } = await run(`pull --out ${runtime}.ndjson`, {
          MAILCHIMP_EXPORT_URL: proxy.url,
        })
        expect(exitCode, stderr).toBe(0)
        expect(proxy.cuts()).toBeGreaterThan(0)
      } finally {
        proxy.stop()
      }
      const rows = readFileSync(join(project.path, `${runtime}.ndjson`), "utf8")
        .split("\n")
        .filter(Boolean)
      expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
    }, 60_000)

    test("CSV is what the service writes", async () => {
      expect((await run(`pull --out ${runtime}.csv`)).exitCode).toBe(0)
      const expected = await (await pair.get("/export?format=csv")).text()
      const text = readFileSync(join(project.path, `${runtime}.csv`), "utf8")
      expect(text.split("\r\n").toSorted()).toEqual(expected.split("\r\n").toSorted())
    }, 60_000)

    test("it ends quietly when head has read enough, and with 5 if the service is not there", async () => {
      const head =
        await $`bash -c ${`set -o pipefail; ${runtime} ${installed()} pull --out - | head -n 1 | wc -l`}`
          .env({ PATH: String(Bun.env["PATH"]), ...env })
          .quiet()
          .nothrow()
      expect({
        exitCode: head.exitCode,
        stdout: String(head.stdout).trim(),
        stderr: String(head.stderr),
      }).toEqual({
        exitCode: 0,
        stdout: "1",
        stderr: "",
      })
      expect(await run("lists", { MAILCHIMP_EXPORT_URL: "http://127.0.0.1:9" })).toMatchObject({
        exitCode: 5,
      })
    }, 60_000)

    test("--sandbox says that it needs the project", async () => {
      const { exitCode, stderr } = await run("pull --sandbox --out a.csv")
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 })
      expect(stderr).toContain("bun@1.4.5 run export")
    }, 60_000)
  })
}

test("it starts by its own name", async () => {
  const { stdout } = await $`${installed()} --help`.quiet()
  expect(String(stdout)).toStartWith("Usage: mailchimp-export")
}, 60_000)

test("in a clone, --sandbox exports from a sandbox", async () => {
  const entry = join(import.meta.dir, "../../src/dev/export.ts")
  const ended = await runCommandProcess(["pull", "--sandbox", "--out", "sandbox.csv"], {
    env: {},
    cwd: project.path,
    program: ["bun", entry],
  })
  expect(ended.exitCode, ended.stderr).toBe(0)
  expect(ended.stderr).toMatch(/^[\d,]+ members, whole as of .* in sandbox\.csv$/m)
  // The sandbox is gone, and its cursor with it.
  expect(readdirSync(project.path).filter((file) => file.startsWith("sandbox"))).toEqual(["sandbox.csv"])
  const piped = await runCommandProcess(["pull", "--sandbox", "--out", "-", "--quiet"], {
    env: {},
    cwd: project.path,
    program: ["bun", entry],
  })
  expect(piped).toMatchObject({ exitCode: 0, stderr: "" })
  expect(piped.stdout.split("\n").length).toBeGreaterThan(20_000)
}, 60_000)
