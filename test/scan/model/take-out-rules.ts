/**
 * Takes the rules of the scan out, one at a time, and prints the first seed at which the model notices:
 * `bun test/scan/model/take-out-rules.ts [part of a rule's name]`. A rule whose removal goes unnoticed is either not tested
 * or not needed, so the exit code is 1.
 *
 * `--third N` takes every third rule, and begins each run shortly before the seed of first-seeds.json, which `--record` writes.
 * If a rule goes unnoticed there, `--record` shows whether its seed has only moved.
 */
import { cpSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import seedsFile from "./first-seeds.json"
import { type Rule, readSources, rules, withoutRule } from "./rules.ts"

/** A schedule that takes this long is stuck: on a busy machine one takes seconds. */
const silenceMs = 30_000
/** How many seeds before the known one a run begins: the seed itself would do. */
const lead = 10

const root = join(import.meta.dir, "../../..")
const given = process.argv.slice(2)
const isRecording = given[0] === "--record"
const third = given[0] === "--third" ? Number(given[1]) : undefined
const part = (isRecording ? given[1] : given[0]) ?? ""
const firstSeeds: Readonly<Record<string, number>> = seedsFile
const isWanted = (name: string, index: number) =>
  third === undefined ? name.includes(part) : index % 3 === third % 3

const found = new Map<string, number>()
let unnoticed = 0
const wanted = rules.filter(({ name }, index) => isWanted(name, index)).values()
await Promise.all([takeOutEach(), takeOutEach()])
if (isRecording) await record()
process.exitCode = unnoticed > 0 ? 1 : 0

/** Two of these share the rules: one per core of a small machine. */
async function takeOutEach(): Promise<void> {
  for (const rule of wanted) {
    const noticed = await takeOut(rule)
    if (noticed === undefined) unnoticed += 1
    else if (rule.unitTests === undefined) found.set(rule.name, seedOf(noticed))
    console.info(`${noticed ?? "NOT NOTICED"} | ${rule.name}`)
  }
}

/** The seed to begin at. Lists that end short are counted from the first seed on. */
function seedOf(noticed: string): number {
  return noticed.endsWith("end short") ? 1 : Number(/\d+/.exec(noticed)?.[0] ?? 1)
}

async function record(): Promise<void> {
  const known = rules
    .filter(({ unitTests }) => unitTests === undefined)
    .map(({ name }) => [name, found.get(name) ?? firstSeeds[name]] as const)
  const file = join(import.meta.dir, "first-seeds.json")
  await Bun.write(file, `${JSON.stringify(Object.fromEntries(known), undefined, 2)}\n`)
}

/** Which schedules to run without the rule. If all of them pass, its removal counts as unnoticed. */
function schedulesFor({
  name,
  topics = [],
}: Rule): Record<"MODEL_SEED" | "MODEL_RUNS" | "MODEL_TOPICS", string> {
  const known = third === undefined ? 1 : (firstSeeds[name] ?? 1)
  const { MODEL_SEED, MODEL_RUNS } = process.env
  return {
    MODEL_SEED: MODEL_SEED ?? String(Math.max(1, known - lead)),
    MODEL_TOPICS: topics.join(),
    MODEL_RUNS: MODEL_RUNS ?? (third === undefined ? "40000" : "4000"),
  }
}

/** At which seed a scan without the rule breaks, and how. Undefined if it never does. */
async function takeOut(rule: Rule): Promise<string | undefined> {
  const folder = temporaryFolder()
  try {
    for (const part of ["src", "test/scan", "test/support"])
      cpSync(join(root, part), join(folder.path, part), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"))
    const { path, code } = withoutRule(readSources(folder.path), rule)
    writeFileSync(join(folder.path, path), code)
    return rule.unitTests === undefined
      ? await firstBroken(folder.path, schedulesFor(rule))
      : await failing(join(folder.path, "test/scan", rule.unitTests))
  } finally {
    folder.remove()
  }
}

/** What the tests print of themselves if one fails. Undefined if none does. */
async function failing(tests: string): Promise<string | undefined> {
  const child = Bun.spawn([process.execPath, "test", tests], { stdout: "ignore", stderr: "pipe" })
  const output = await new Response(child.stderr).text()
  return (await child.exited) === 0 ? undefined : /^\(fail\) .*(?= \[)/m.exec(output)?.[0]
}

async function firstBroken(
  folder: string,
  schedules: ReturnType<typeof schedulesFor>,
): Promise<string | undefined> {
  const child = Bun.spawn([process.execPath, join(folder, "test/scan/model/run-until-broken.ts")], {
    env: { ...process.env, ...schedules },
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
  return last.startsWith("seed") ? last : `seed ${last || schedules.MODEL_SEED}: never ends`
}
