import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { $ } from "bun"
import { type ClientProject, createClientProject } from "../support/client-project.ts"

let project: ClientProject
const installed = (file: string) => Bun.file(join(project.path, "node_modules/mailchimp-export", file))

beforeAll(async () => {
  project = await createClientProject()
}, 120_000)
afterAll(() => project.remove())

/** The size of what a page loads that imports only these names, compressed. */
async function sizeOf(names: string) {
  const entry = join(project.path, "entry.js")
  await Bun.write(entry, `export { ${names} } from "mailchimp-export/client"`)
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "browser", minify: true })
  const code = (await outputs[0]?.text()) ?? ""
  return Bun.gzipSync(code, { level: 9 }).length
}

test("the client has at most 3 KB, compressed, for a page that imports nothing of jobs", async () => {
  const size = await sizeOf("exportMembers, connect, connection, disconnect, lists, list")
  expect(size).toBeLessThanOrEqual(3 * 1024)
  const whole = Bun.gzipSync(await installed("client/client.js").bytes(), { level: 9 }).length
  console.info(`${size} bytes without jobs, ${whole} bytes in all`)
})

test("the package has the client and the command alone, without dependencies", async () => {
  const manifest = await installed("package.json").json()
  expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([])
  const files = [...new Bun.Glob("**/*").scanSync(join(project.path, "node_modules"))]
  const others = files.filter(
    (file) =>
      !/^(mailchimp-export\/(package\.json|client\/[\w-]+\.(d\.ts|js)|command\/mailchimp-export\.js)|\.bin\/mailchimp-export)$/.test(
        file,
      ),
  )
  expect(others).toEqual([".package-lock.json"].filter((file) => others.includes(file)))
})

test("the code imports nothing, and the types only each other", async () => {
  expect(await installed("client/client.js").text()).not.toMatch(/\bimport\b|\brequire\(|\bprocess\b|\bBun\b/)
  for (const file of new Bun.Glob("client/*.d.ts").scanSync(
    join(project.path, "node_modules/mailchimp-export"),
  ))
    for (const [, target = ""] of (await installed(file).text()).matchAll(/from "([^"]+)"/g))
      expect(target, file).toMatch(/^\.\/[\w-]+\.js$/)
})

test("a strict project of another compiler setting finds the types", async () => {
  await Bun.write(
    join(project.path, "use.ts"),
    `import { exportMembers, lists, type EndLine, MailchimpExportError } from "mailchimp-export/client"
     const service = { baseUrl: "", token: async () => "" }
     const members = exportMembers({ ...service, status: ["subscribed", "cleaned"] })
     for await (const { email_address, merge_fields } of members) email_address.toUpperCase() + merge_fields["FNAME"]
     // @ts-expect-error: with \`fields\` every field may be missing
     for await (const { id } of exportMembers({ ...service, fields: ["status"] })) id.toUpperCase()
     // @ts-expect-error: no such status
     exportMembers({ ...service, status: "unknown" })
     export const end: EndLine | undefined = members.end
     export const names = (await lists(service)).map(({ name }) => name.toUpperCase())
     export const isGone = (error: unknown) => error instanceof MailchimpExportError && error.code === "cursor_expired"
    `,
  )
  const tsc = join(import.meta.dir, "../../node_modules/.bin/tsc")
  const flags = [
    "--strict",
    "--noEmit",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--types",
    "",
    "use.ts",
  ]
  const { exitCode, stdout } = await $`bun ${tsc} ${flags} --lib es2022,dom,dom.asynciterable`
    .cwd(project.path)
    .quiet()
    .nothrow()
  expect({ exitCode, output: stdout.toString() }).toEqual({ exitCode: 0, output: "" })
})
