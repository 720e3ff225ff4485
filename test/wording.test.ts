import { expect, test } from "bun:test"
import { join } from "node:path"

/** Phrases that this project avoids, each with what to write instead. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\basked for\b(?! consent)/i, "requested"],
  [/\b(?:goes|going|go|went|gone) on\b(?! the PATH)/i, "continue, resume"],
  [/\bwho(so)?ever\b/i, "a caller, a client, every member"],
  [/\bso (?:many|long)\b(?! as\b| that\b)/i, "the number"],
  [/\b(?:he|him|his|himself|she|hers?|herself)\b/i, "they, them, their"],
  [/(?:^|[.!] |\/\*\* |\/\/ |^ \* )(?:Those|Who) /, "the noun that is meant"],
  [/\bwhere (?:no|nothing|none|there (?:is|are))\b(?! longer)/i, "if, when"],
  [/\bwhat lies\b|\blies behind\b|\ball the while\b/i, "the remainder, meanwhile"],
  [/\b(?:break|breaks|breaking|broke|broken) off\b/i, "abort"],
  [/\bcrowded\b/i, "tied"],
  [/\btall(?:y|ies|ied)\b/i, "reconciliation"],
  [/\bbookmarks?\b/i, "cursor"],
  [/\bsweep(?:s|ing)? (?:away|out|expired)\b/i, "purge"],
]

const root = join(import.meta.dir, "..")
const tracked = await Bun.$`git ls-files --cached --others --exclude-standard`.cwd(root).quiet().text()
const files = tracked.split("\n").filter((file) => /^\.env\.example$|^\.ci\/run$|\.(?:ts|tsx|md)$/.test(file))

test("no text has a phrase that this project avoids", async () => {
  expect(files.length).toBeGreaterThan(100)
  const found = await Promise.all(files.filter((file) => !import.meta.path.endsWith(file)).map(phrasesOf))
  expect(found.flat()).toEqual([])
})

test("the phrases are found at any place of a comment and of a page", () => {
  const lines = [
    "/** Whoever reads it. */",
    "what he asked for",
    " * Those that wait.",
    "It ends. Who waits, waits.",
  ]
  for (const line of lines) expect(refusalsOf(line), line).not.toEqual([])
  for (const line of ["as long as it runs", "where a list begins", "the rest"])
    expect(refusalsOf(line)).toEqual([])
})

async function phrasesOf(file: string): Promise<string[]> {
  const lines = (await Bun.file(join(root, file)).text()).split("\n")
  return lines.flatMap((line, index) => refusalsOf(line).map((refusal) => `${file}:${index + 1}: ${refusal}`))
}

function refusalsOf(line: string): string[] {
  return phrases.flatMap(([phrase, instead]) => {
    const found = phrase.exec(line)?.[0]
    return found === undefined ? [] : [`"${found.trim()}": write ${instead}`]
  })
}
