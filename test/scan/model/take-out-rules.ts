/**
 * Takes the rules of the scan out, one at a time, and prints the first seed at which the model notices:
 * `bun test/scan/model/take-out-rules.ts [part of a rule's name]`. A rule whose removal goes unnoticed is either not tested
 * or not needed, so the exit code is 1.
 */
import { cpSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import { type Rule, readSources, rules, withoutRule } from "./rules.ts"

/** If this many schedules pass without a rule, its removal counts as unnoticed. */
const seeds = Number(process.env["MODEL_RUNS"] ?? 40_000)
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1)
/** A run without output for this long is stuck: a hundred schedules take seconds. */
const silenceMs = 20_000

const root = join(import.meta.dir, "../../..")
const wanted = process.argv[2] ?? ""
let unnoticed = 0
for (const rule of rules.filter(({ name }) => name.includes(wanted))) {
  const noticed = await takeOut(rule)
  if (noticed === undefined) unnoticed += 1
  console.info(`${noticed ?? "NOT NOTICED"} | ${rule.name}`)
}
process.exitCode = unnoticed > 0 ? 1 : 0

/** At which seed a scan without the rule breaks, and how. Undefined if it never does. */
async function takeOut(rule: Rule): Promise<string | undefined> {
  const folder = temporaryFolder()
  try {
    for (const part of ["src", "test/scan/model", "test/support"])
      cpSync(join(root, part), join(folder.path, part), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"))
    const { path, code } = withoutRule(readSources(folder.path), rule)
    writeFileSync(join(folder.path, path), code)
    return await firstBroken(folder.path)
  } finally {
    folder.remove()
  }
}

async function firstBroken(folder: string): Promise<string | undefined> {
  const child = Bun.spawn([process.execPath, join(folder, "test/scan/model/run-until-broken.ts")], {
    env: { ...process.env, MODEL_RUNS: String(seeds), MODEL_SEED: String(firstSeed) },
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
