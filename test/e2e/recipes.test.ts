import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdirSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { $ } from "bun"
import { hasChromium, servePage, withPage } from "../support/chromium.ts"
import { createClientProject } from "../support/client-project.ts"
import { startCuttingProxy } from "../support/cutting-proxy.ts"
import { hasPython, pythonWith } from "../support/python.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { breakList, forbidden, startThreeLists } from "../support/three-lists.ts"

const recipes = join(import.meta.dir, "../../docs/recipes")
const textOf = (file: string) => readFileSync(file, "utf8")
const rowsOf = (file: string) => textOf(file).split("\n").filter(Boolean)

let folder: ReturnType<typeof temporaryFolder>
let page: ReturnType<typeof servePage>
let pair: Awaited<ReturnType<typeof startSandboxAndService>>
let token: string
let env: Record<string, string>

beforeAll(async () => {
  folder = temporaryFolder()
  page = servePage({
    "/": { body: textOf(join(recipes, "browser.html")), type: "text/html" },
    "/session.json": {
      body: () => JSON.stringify({ api: pair.service.api, token }),
      type: "application/json",
    },
  })
  pair = await startSandboxAndService({
    latencyMs: 50,
    lists: [{ name: "Newsletter", count: 3000 }],
    // Exports take longer than the 0.7 s after which a proxy cuts.
    env: { CORS_ORIGINS: page.origin, MAILCHIMP_PAGE_SIZE: "200", MAILCHIMP_REQUESTS_PER_SECOND: "10" },
  })
  token = String(pair.headers["authorization"]).replace("Bearer ", "")
  env = { PATH: String(Bun.env["PATH"]), TOKEN: token, API: pair.service.api }
})
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await page.stop()
  folder.remove()
})

/** A new folder with the recipe in it, as someone would try it. */
function copied(recipe: string, into = join(folder.path, recipe.replace(".", "-"))): string {
  mkdirSync(into, { recursive: true })
  cpSync(join(recipes, recipe), join(into, recipe))
  return into
}

test("every recipe is tested here, or in mirror.test.ts", () => {
  const tested = [import.meta.path, join(import.meta.dir, "mirror.test.ts")].map(textOf).join("")
  for (const recipe of readdirSync(recipes))
    if (recipe !== "README.md") expect(tested).toContain(`"${recipe}"`)
})

describe.skipIf(!hasChromium)(`in a browser${hasChromium ? "" : " (Chromium is not installed)"}`, () => {
  const fields = ["email_address", "status", "merge_fields"]
  const selected = () =>
    pair
      .liveRows()
      .map((row) => JSON.stringify(Object.fromEntries(fields.map((key) => [key, JSON.parse(row)[key]]))))
  const normal = (row: string) => JSON.stringify(JSON.parse(row))

  test("browser.html saves a file by the browser's picker", async () => {
    copied("browser.html")
    const saved = await withPage(page.origin, async (page) => {
      // A picker waits for a person, so this one chooses a file of the page's private storage.
      await page.evaluate(`window.showSaveFilePicker = async ({ suggestedName }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })`)
      await page.click("#save")
      await page.getByText("complete").waitFor()
      return page.evaluate<string>(`navigator.storage.getDirectory().then((folder) => folder.getFileHandle("members.ndjson"))
        .then((file) => file.getFile()).then((file) => file.text())`)
    })
    const rows = saved.split("\n").filter(Boolean).map(normal)
    expect(differenceOf(rows, selected())).toEqual(noDifference)
  }, 60_000)

  test("browser.html downloads a file if the browser has no picker", async () => {
    const path = join(folder.path, "downloaded.ndjson")
    await withPage(page.origin, async (page) => {
      await page.evaluate("delete window.showSaveFilePicker")
      const download = page.waitForEvent("download")
      await page.click("#save")
      await (await download).saveAs(path)
    })
    expect(differenceOf(rowsOf(path).map(normal), selected())).toEqual(noDifference)
  }, 60_000)

  test("browser.html leaves no file if the transfer breaks", async () => {
    const [listId = ""] = pair.listIds
    const action = { kind: "problem", problem: "forbidden" } as const
    pair.sandbox.faults.add({ match: { listId, path: /members$/ }, action, skip: 6, times: Infinity })
    const state = await withPage(page.origin, async (page) => {
      await page.click("#save")
      await page.getByText("Not saved").waitFor()
      return page.textContent("#state")
    }).finally(() => pair.sandbox.faults.clear())
    expect(state).toContain("Not saved")
  }, 60_000)
})

const hasNode = Bun.which("node") !== null
describe.skipIf(!hasNode)(`in Node${hasNode ? "" : " (which is not installed)"}`, () => {
  test("node.js writes every member, and what changed since when it runs again", async () => {
    const project = await createClientProject()
    try {
      copied("node.js", project.path)
      const run = () => $`node node.js`.cwd(project.path).env(env).quiet()
      await run()
      const rows = rowsOf(join(project.path, "members.ndjson"))
      expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
      await run()
      const more = rowsOf(join(project.path, "members.ndjson")).length - rows.length
      expect(more).toBeLessThan(100)
    } finally {
      project.remove()
    }
  }, 120_000)

  test("nightly.js downloads every member, the next night what changed, and nothing if the job fails", async () => {
    const project = await createClientProject()
    try {
      copied("nightly.js", project.path)
      const data = join(project.path, "data")
      mkdirSync(data)
      await Bun.write(join(project.path, "token"), `${token}\n`)
      const run = () =>
        $`node nightly.js ${data}`
          .cwd(project.path)
          .env({ ...env, TOKEN_FILE: join(project.path, "token") })
          .quiet()
          .nothrow()
      const nights = () => readdirSync(data).filter((name) => name.startsWith("members-"))
      const rowsOfNight = (night: string) =>
        readdirSync(join(data, night))
          .toSorted()
          .flatMap((part) =>
            gunzipSync(readFileSync(join(data, night, part)))
              .toString()
              .split("\n"),
          )
          .filter(Boolean)

      expect((await run()).exitCode).toBe(0)
      const [first = ""] = nights()
      const before = rowsOfNight(first)
      expect(differenceOf(before, pair.liveRows())).toEqual(noDifference)
      const cursor = textOf(join(data, "cursor"))

      const [listId = ""] = pair.listIds
      const members = [...pair.sandbox.truth(listId).members()]
      const changed = members.find(({ status }) => status !== "archived")
      pair.sandbox.changes.editMember(listId, changed!.id)
      const added = pair.sandbox.changes.addMember(listId)
      const action = { kind: "problem", problem: "forbidden" } as const
      pair.sandbox.faults.add({ match: { path: /members$/ }, action, times: Infinity })
      const failed = await run()
      pair.sandbox.faults.clear()
      expect(failed.exitCode).not.toBe(0)
      expect(failed.stderr.toString()).toContain("mailchimp_forbidden")
      expect(nights()).toEqual([first])
      expect(textOf(join(data, "cursor"))).toBe(cursor)

      await Bun.sleep(2000)
      const repeated = await run()
      expect({ code: repeated.exitCode, errors: repeated.stderr.toString() }).toEqual({ code: 0, errors: "" })
      const [, second = ""] = nights().toSorted()
      const after = rowsOfNight(second)
      expect(after.length).toBeLessThan(100)
      const ids = after.map((row) => JSON.parse(row).id)
      expect(ids).toContain(changed!.id)
      expect(ids).toContain(added.id)
      const latest = new Map([...before, ...after].map((row) => [JSON.parse(row).id, row]))
      expect(differenceOf(latest.values(), pair.liveRows())).toEqual(noDifference)
      expect(textOf(join(data, "cursor"))).not.toBe(cursor)
    } finally {
      project.remove()
    }
  }, 120_000)
})

describe.skipIf(!hasPython)(`in Python${hasPython ? "" : " (which is not installed)"}`, () => {
  let python: string
  beforeAll(async () => {
    python = await pythonWith("requests==2.34.2", "duckdb==2.0.1")
  }, 300_000)

  test("resume.py writes every member, also behind a proxy that cuts", async () => {
    const at = copied("resume.py")
    const proxy = await startCuttingProxy(pair.service.url, 700)
    try {
      const api = pair.service.api.replace(pair.service.url, proxy.url)
      const { stdout } = await $`${python} resume.py`
        .cwd(at)
        .env({ ...env, API: api })
        .quiet()
      expect(stdout.toString()).toBe("complete\n")
      expect(proxy.cuts()).toBeGreaterThan(0)
      expect(differenceOf(rowsOf(join(at, "members.ndjson")), pair.liveRows())).toEqual(noDifference)
      expect(textOf(join(at, "members.cursor"))).toStartWith("eyJ")
    } finally {
      proxy.stop()
    }
  }, 120_000)

  test("nightly.py writes every member as CSV behind a proxy that cuts, and keeps the file if the job fails", async () => {
    const at = copied("nightly.py")
    await Bun.write(join(at, "token"), `${token}\n`)
    const csv = await (await pair.get("/export?format=csv&formulas=raw")).text()
    const expected = csv.split("\n").toSorted()
    const proxy = await startCuttingProxy(pair.service.url, 700)
    const run = (api: string) =>
      $`${python} ${join(at, "nightly.py")} ${at}`
        .env({ ...env, API: api, TOKEN_FILE: join(at, "token") })
        .quiet()
        .nothrow()
    try {
      const { exitCode, stdout } = await run(pair.service.api.replace(pair.service.url, proxy.url))
      expect([exitCode, stdout.toString()]).toEqual([0, `complete ${pair.liveRows().length}\n`])
      expect(proxy.cuts()).toBeGreaterThan(0)
      expect(textOf(join(at, "members.csv")).split("\n").toSorted()).toEqual(expected)
    } finally {
      proxy.stop()
    }
    await Bun.write(join(at, "token"), "wrong")
    const { exitCode, stderr } = await run(pair.service.api)
    expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining("Cannot accept the token")])
    expect(textOf(join(at, "members.csv")).split("\n").toSorted()).toEqual(expected)
    expect(readdirSync(at).toSorted()).toEqual(["members.csv", "nightly.py", "token"])
  }, 120_000)

  test("duckdb.sql counts the members by status", async () => {
    const at = copied("duckdb.sql")
    const commands = /-- {3}(curl .*)/.exec(textOf(join(at, "duckdb.sql")))?.[1] ?? ""
    await $`sh -c ${commands}`.cwd(at).env(env).quiet()
    const program = "import duckdb, json; print(json.dumps(duckdb.sql(open('duckdb.sql').read()).fetchall()))"
    const { stdout } = await $`${python} -c ${program}`.cwd(at).quiet()
    const counts = Map.groupBy(
      pair.liveRows(),
      (row) => `${JSON.parse(row).list_id} ${JSON.parse(row).status}`,
    )
    const expected = [...counts].map(([key, rows]) => [...key.split(" "), rows.length])
    expect(JSON.parse(stdout.toString())).toEqual(expected.toSorted())
  }, 120_000)

  test("duckdb-csv.sql counts the members by status, also if their values break a careless reader", async () => {
    await using hostile = await startSandboxAndService({
      lists: [{ name: "Hostile", count: 50, hostile: true }],
    })
    const at = copied("duckdb-csv.sql")
    const commands = /-- {3}(curl .*)/.exec(textOf(join(at, "duckdb-csv.sql")))?.[1] ?? ""
    const token = String(hostile.headers["authorization"]).replace("Bearer ", "")
    await $`sh -c ${commands}`
      .cwd(at)
      .env({ ...env, TOKEN: token, API: hostile.service.api })
      .quiet()
    const program =
      "import duckdb, json; print(json.dumps(duckdb.sql(open('duckdb-csv.sql').read()).fetchall()))"
    const { stdout } = await $`${python} -c ${program}`.cwd(at).quiet()
    const counts = Map.groupBy(hostile.liveRows(), (row) => String(JSON.parse(row).status))
    const expected = [...counts].map(([status, rows]) => ["Hostile", status, rows.length])
    expect(JSON.parse(stdout.toString())).toEqual(expected.toSorted())
  }, 120_000)

  test("the command in README.md makes a file with lone surrogates readable for DuckDB", async () => {
    await using hostile = await startSandboxAndService({
      lists: [{ name: "Hostile", count: 0, hostile: true }],
    })
    const at = copied("duckdb.sql", join(folder.path, "surrogates"))
    const file = join(at, "members.ndjson")
    const pair = String.raw`{"id":"both halves \ud83d\ude00"}`
    await Bun.write(file, `${await (await hostile.get("/export")).text()}${pair}\n`)
    const count = () =>
      $`${python} -c ${"import duckdb; print(len(duckdb.sql(open('duckdb.sql').read()).fetchall()))"}`
        .cwd(at)
        .quiet()
        .nothrow()
    expect((await count()).exitCode).not.toBe(0)
    const rows = rowsOf(file).length
    const command = /^ *(perl .*)$/m.exec(textOf(join(recipes, "README.md")))?.[1] ?? ""
    await $`sh -c ${command}`.cwd(at).quiet()
    expect((await count()).exitCode).toBe(0)
    expect(rowsOf(file)).toHaveLength(rows)
    expect(rowsOf(file).at(-1)).toBe(pair)
  }, 120_000)
})

test("cron.sh writes every member, then what changed, and nothing if the transfer breaks", async () => {
  const at = copied("cron.sh")
  await Bun.write(join(at, "token"), token)
  const data = join(at, "data")
  mkdirSync(data)
  const run = () =>
    $`sh cron.sh ${data}`
      .cwd(at)
      .env({ ...env, TOKEN_FILE: join(at, "token") })
      .quiet()
      .nothrow()
  const files = () => readdirSync(data).filter((file) => file.endsWith(".ndjson"))

  expect((await run()).exitCode).toBe(0)
  const [first = ""] = files()
  expect(differenceOf(rowsOf(join(data, first)), pair.liveRows())).toEqual(noDifference)
  const cursor = textOf(join(data, "cursor"))
  expect(cursor).toStartWith("eyJ")

  await Bun.sleep(1100)
  const action = { kind: "problem", problem: "forbidden" } as const
  pair.sandbox.faults.add({ match: { path: /members$/ }, action, times: Infinity })
  const failed = await run()
  expect(failed.exitCode).not.toBe(0)
  expect(failed.stderr.toString()).toContain('"detail":"Cannot ')
  pair.sandbox.faults.clear()
  expect(files()).toEqual([first])
  expect(textOf(join(data, "cursor"))).toBe(cursor)

  expect((await run()).exitCode).toBe(0)
  const [, second = ""] = files().toSorted()
  expect(rowsOf(join(data, second)).length).toBeLessThan(100)
  expect(textOf(join(data, "cursor"))).not.toBe(cursor)
}, 120_000)

test("nightly.sh writes every member, then what changed, or everything on a Sunday", async () => {
  const at = copied("nightly.sh")
  await Bun.write(join(at, "token"), token)
  const data = join(at, "data")
  mkdirSync(data)
  // The command and the day of the week, as programs.
  const entry = join(import.meta.dir, "../../src/command/main.ts")
  await Bun.write(join(at, "bin/mailchimp-export"), `#!/bin/sh\nexec bun ${entry} "$@"\n`)
  await Bun.write(join(at, "bin/date"), '#!/bin/sh\necho "$DAY"\n')
  await $`chmod +x bin/mailchimp-export bin/date`.cwd(at)
  const run = (day: string) =>
    $`sh nightly.sh ${data} ${join(at, "token")}`
      .cwd(at)
      .env({
        PATH: `${join(at, "bin")}:${env["PATH"]}`,
        MAILCHIMP_EXPORT_URL: pair.service.url,
        DAY: day,
      })
      .quiet()
  const increments = () => readdirSync(data).filter((file) => /^contacts-.*\.ndjson$/.test(file))

  for (const day of ["1", "2", "7"]) {
    await run(day)
    expect(differenceOf(rowsOf(join(data, "contacts.ndjson")), pair.liveRows())).toEqual(noDifference)
    expect(increments()).toHaveLength(day === "1" ? 0 : 1)
  }
}, 120_000)

test("cron.sh names the lists of which members may be missing", async () => {
  await using lists = await startThreeLists()
  const [, broken = ""] = lists.listIds
  breakList(lists, broken, forbidden)
  const at = copied("cron.sh", join(folder.path, "cron-short"))
  await Bun.write(join(at, "token"), String(lists.headers["authorization"]).replace("Bearer ", ""))
  const { exitCode, stderr } = await $`sh cron.sh .`
    .cwd(at)
    .env({ ...env, API: lists.service.api, TOKEN_FILE: join(at, "token") })
    .quiet()
    .nothrow()
  expect(exitCode).toBe(0)
  expect(stderr.toString()).toBe(
    `Members may be missing, which the next run delivers, of the lists ${broken}\n`,
  )
}, 60_000)
