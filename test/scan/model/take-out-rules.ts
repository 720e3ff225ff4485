/**
 * Takes the rules of the scan out, one at a time, and prints the first seed at which the model notices:
 * `bun test/scan/model/take-out-rules.ts [part of a rule's name]`. A rule whose removal goes unnoticed is either not tested
 * or not needed, so the exit code is 1.
 *
 * `--third N` takes every third rule, and begins each run shortly before the seed in first-seeds.ts. If a rule goes unnoticed
 * there, a run without `--third` shows whether the seed has only moved.
 */
import { cpSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import { firstSeeds } from "./first-seeds.ts"
import { type Rule, readSources, rules, withoutRule } from "./rules.ts"

/** A run without output for this long is stuck: twenty schedules take a fraction of a second. */
const silenceMs = 30_000
/** How many seeds before the known one a run begins: the seed itself would do. */
const lead = 10

const root = join(import.meta.dir, "../../..")
const [first = "", second] = process.argv.slice(2)
const third = first === "--third" ? Number(second) : undefined
/** If this many schedules pass without a rule, its removal counts as unnoticed. */
const runs = Number(process.env["MODEL_RUNS"] ?? (third === undefined ? 40_000 : 2000))
const isWanted = (name: string, index: number) =>
  third === undefined ? name.includes(first) : index % 3 === third % 3

let unnoticed = 0
const wanted = rules.filter(({ name }, index) => isWanted(name, index)).values()
await Promise.all([takeOutEach(), takeOutEach()])
process.exitCode = unnoticed > 0 ? 1 : 0

/** Two of these share the rules: one per core of a small machine. */
async function takeOutEach(): Promise<void> {
  for (const rule of wanted) {
    const noticed = await takeOut(rule)
    if (noticed === undefined) unnoticed += 1
    console.info(`${noticed ?? "NOT NOTICED"} | ${rule.name}`)
  }
}

function beginOf({ name }: Rule): number {
  const known = third === undefined ? 1 : (firstSeeds[name] ?? 1)
  return Number(process.env["MODEL_SEED"] ?? Math.max(1, known - lead))
}

/** At which seed a scan without the rule breaks, and how. Undefined if it never does. */
async function takeOut(rule: Rule): Promise<string | undefined> {
  const folder = temporaryFolder()
  try {
    for (const part of ["src", "test/scan/model", "test/support"])
      cpSync(join(root, part), join(folder.path, part), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"))
    const { path, code } = withoutRule(readSources(folder.path), rule)
    writeFileSync(join(folder.path, path), code)
    return await firstBroken(folder.path, beginOf(rule))
  } finally {
    folder.remove()
  }
}

async function firstBroken(folder: string, firstSeed: number): Promise<string | undefined> {
  const child = Bun.spawn([process.execPath, join(folder, "test/scan/model/run-until-broken.ts")], {
    env: { ...process.env, MODEL_RUNS: String(runs), MODEL_SEED: String(firstSeed) },
    stdout: "pipe",
  })
  let output = ""
  const text = new TextDecoder()
  const kill = () => child.kill()
  let watchdog = setTimeout(kill, silenceMs)
  for await (const chunk of child.stdout) {
    output += text.decode(chunk)
    clearTimeout(watchdog)
    watchdog = setTimeout(kill, silenceMs)
  }
  clearTimeout(watchdog)
  await child.exited
  const last = output.trim().split("\n").at(-1) ?? ""
  if (last === "unbroken") return undefined
  return last.startsWith("seed") ? last : `seeds from ${last || firstSeed}: never ends`
}
