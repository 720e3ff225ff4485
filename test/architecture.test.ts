import { expect, test } from "bun:test"
import { Glob } from "bun"
import { dirname, join, normalize } from "node:path"

/**
 * Which folder below src may import from which. A folder may always import from itself. `types`: only by `import
 * type`.
 */
const mayImport: Record<string, Record<string, "all" | "types">> = {
  lib: {},
  environment: {},
  "config.ts": { environment: "all" },
  sandbox: { lib: "all" },
  client: { lib: "all", exports: "types", jobs: "types", http: "types" },
  console: { lib: "all", client: "all" },
  // The command writes the same CSV as the service.
  command: { lib: "all", client: "all", sandbox: "all", dev: "all", exports: "all" },
  mailchimp: { lib: "all" },
  observability: {
    lib: "all",
    ...typesOf("mailchimp", "connections", "scan", "exports", "webhooks", "follow", "jobs"),
  },
  connections: { lib: "all", mailchimp: "all" },
  scan: { lib: "all", mailchimp: "types" },
  exports: { lib: "all", mailchimp: "all", connections: "types", scan: "all" },
  webhooks: { lib: "all", mailchimp: "all", connections: "all" },
  follow: { lib: "all", ...typesOf("mailchimp", "connections", "webhooks"), scan: "all", exports: "all" },
  jobs: { lib: "all", connections: "types", exports: "all" },
  storage: { lib: "all", ...typesOf("mailchimp", "connections", "exports", "webhooks", "follow", "jobs") },
  http: {
    lib: "all",
    mailchimp: "types",
    connections: "all",
    exports: "all",
    webhooks: "all",
    follow: "all",
    jobs: "all",
    observability: "all",
  },
}

function typesOf(...folders: readonly string[]): Record<string, "types"> {
  return Object.fromEntries(folders.map((folder) => [folder, "types"] as const))
}

/**
 * The composition root and the entry points may import everything, and so may code that starts a sandbox and a
 * service together.
 */
const roots = [
  "app.ts",
  "services.ts",
  "services",
  "main.ts",
  "executable.ts",
  "health.ts",
  "reseal.ts",
  "dev",
]
const shared: Record<string, "all" | "types"> = { "errors.ts": "all", "sealer.ts": "types" }
const configReaders = ["services.ts", "services", "main.ts", "health.ts", "reseal.ts", "dev"]

/** The only places that may use each package, as prefixes of the path below src. */
const packageOwners: Record<string, readonly string[]> = {
  hono: ["http/", "app.ts", "sandbox/"],
  "@hono/zod-openapi": ["http/", "app.ts", "sandbox/"],
  mongodb: ["storage/mongo/"],
  ioredis: ["storage/redis/"],
  bullmq: ["jobs/engine/bullmq/"],
  "redis-semaphore": ["storage/redis/"],
  "bun:sqlite": ["storage/sqlite/"],
  jose: ["sealer.ts", "http/authenticate.ts", "http/key-set.ts", "dev/sign-token.ts"],
  zod: [
    "config.ts",
    "environment/",
    "dev/",
    "mailchimp/",
    "http/",
    "storage/",
    "connections/",
    "exports/cursor/",
    "exports/event-lines.ts",
    "exports/formats/",
    "sandbox/",
  ],
  pino: ["observability/"],
  "prom-client": ["observability/"],
  "@opentelemetry/api": ["observability/traces"],
  "@opentelemetry/core": ["observability/traces"],
  "@opentelemetry/exporter-trace-otlp-http": ["observability/traces"],
  "@opentelemetry/resources": ["observability/traces"],
  "@opentelemetry/sdk-trace": ["observability/traces"],
  "d3-dsv": ["lib/csv/"],
  commander: ["command/"],
}

type Import = { file: string; target: string; typeOnly: boolean }

const src = normalize(`${import.meta.dir}/../src`)
const files = [...new Glob("**/*.{ts,tsx}").scanSync(src)].toSorted()
const imports = (await Promise.all(files.map(readImports))).flat()

async function readImports(file: string): Promise<Import[]> {
  const text = await Bun.file(join(src, file)).text()
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:([^"';]*?)\sfrom\s)?"([^"]+)"|\bimport\(\s*"([^"]+)"/gm,
  )
  return [...statements].map(([, typeKeyword, names = "", target = "", dynamicTarget]) => ({
    file,
    target: dynamicTarget ?? target,
    typeOnly: typeKeyword !== undefined || onlyTypes(names),
  }))
}

function onlyTypes(names: string): boolean {
  const inBraces = /^\{([^}]*)\}$/s.exec(names.trim())?.[1]
  const each = inBraces
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  return each !== undefined && each.length > 0 && each.every((name) => name.startsWith("type "))
}

function packageOf(target: string): string {
  if (target.includes(":")) return target
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/")
}

function refusalOf({ file, target, typeOnly }: Import): string | undefined {
  if (!target.startsWith(".")) {
    const owners = packageOwners[packageOf(target)]
    const isOwned = owners === undefined || owners.some((owner) => file.startsWith(owner))
    return isOwned ? undefined : `${file} imports ${target}, which belongs to ${owners.join(", ")}`
  }
  const path = normalize(join(dirname(file), target))
  if (path.startsWith("..")) return `${file} imports ${target}, from outside of src`
  const from = file.includes("/") ? (file.split("/")[0] ?? "") : file
  const to = path.includes("/") ? (path.split("/")[0] ?? "") : path
  if (to === "config.ts") return configReaders.includes(from) ? undefined : `${file} imports config.ts`
  if (from === to || roots.includes(from)) return undefined
  const allowed = shared[to] ?? mayImport[from]?.[to]
  if (from === "lib" && to in shared) return `${file} imports ${to}, but lib depends on nothing`
  if (allowed === "all" || (allowed === "types" && typeOnly)) return undefined
  return `${file} imports ${path}${allowed === "types" ? " for more than its types" : ""}`
}

test("folders import from each other only as the table allows, and each package belongs to one place", () => {
  expect(imports.length).toBeGreaterThan(20)
  expect(imports.map(refusalOf).filter((refusal) => refusal !== undefined)).toEqual([])
})

test("the table notices a forbidden import", () => {
  const forbidden: Import[] = [
    { file: "scan/scan.ts", target: "../http/problem.ts", typeOnly: true },
    { file: "storage/storage.ts", target: "../connections/disconnect.ts", typeOnly: false },
    { file: "lib/time.ts", target: "../errors.ts", typeOnly: false },
    { file: "http/problem.ts", target: "../config.ts", typeOnly: true },
    { file: "scan/scan.ts", target: "hono", typeOnly: false },
    { file: "http/problem.ts", target: "../../test/support/x.ts", typeOnly: false },
  ]
  for (const each of forbidden) expect(refusalOf(each)).toBeString()
})

test("only the entry points touch the process and its environment", async () => {
  const touching = await filesWith(/(?<!-)\bprocess\.|\bBun\.env\b|node:process/)
  const entryPoints = [
    "main.ts",
    "executable.ts",
    "health.ts",
    "reseal.ts",
    "dev/demo.ts",
    "dev/dev.ts",
    "command/start-command.ts",
  ]
  expect(touching.filter((file) => !entryPoints.includes(file))).toEqual([])
})

test("no folder has a barrel", () => {
  expect(files.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual([])
})

test("every folder of src is in the table", () => {
  const folders = [
    ...new Set(files.filter((file) => file.includes("/")).map((file) => file.split("/")[0] ?? "")),
  ]
  expect(folders.filter((folder) => !(folder in mayImport) && !roots.includes(folder))).toEqual([])
})

test("the top level holds what a newcomer expects, and nothing else", async () => {
  const tracked = await Bun.$`git ls-files --cached --others --exclude-standard`
    .cwd(`${src}/..`)
    .quiet()
    .text()
  const top = new Set(
    tracked
      .trim()
      .split("\n")
      .map((file) => file.split("/")[0] ?? ""),
  )
  const expected = [
    "package.json",
    "tsconfig.json",
    "bunfig.toml",
    "bun.lock",
    "patches",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs",
    "src",
    "test",
    "Dockerfile",
    "compose.yaml",
  ]
  expect([...top].filter((name) => !name.startsWith(".") && !expected.includes(name))).toEqual([])
})

async function filesWith(pattern: RegExp): Promise<string[]> {
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await Bun.file(join(src, file)).text() })),
  )
  return texts.filter(({ text }) => pattern.test(text)).map(({ file }) => file)
}
