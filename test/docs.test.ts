import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { Glob } from "bun"
import packageJson from "../package.json"

const root = join(import.meta.dir, "..")
const paths = ["*.md", "docs/**/*.md", "src/**/*.md"].flatMap((pattern) => [
  ...new Glob(pattern).scanSync(root),
])
const pages = await Promise.all(
  paths.toSorted().map(async (path) => ({ path, text: await Bun.file(join(root, path)).text() })),
)
const textOf = (path: string) => pages.find((page) => page.path === path)?.text ?? ""

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  )
}

test.each(pages)("each link of $path leads to a file, and to a heading of it", ({ path, text }) => {
  for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [file = "", anchor] = target.split("#")
    const linked = file === "" ? path : join(dirname(path), file)
    expect(existsSync(join(root, linked)), `${path}: ${target}`).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(textOf(linked)), `${path}: ${target}`).toContain(anchor)
  }
})

test.each(pages)("each command of $path exists", ({ path, text }) => {
  for (const [, name = ""] of text.matchAll(/\bbun(?:@1\.4\.5)? run ([\w:-]+)/g))
    expect(Object.keys(packageJson.scripts), path).toContain(name)
  for (const [file] of text.matchAll(/\btest\/[\w/.-]+\.ts\b/g))
    expect(existsSync(join(root, file)), `${path}: ${file}`).toBe(true)
})

test("each file and folder that src/README.md names exists", () => {
  const named = [...textOf("src/README.md").matchAll(/`((?:[\w-]+\/)*(?:[\w.-]+\.ts)?)`/g)].map(
    ([, name = ""]) => name,
  )
  const paths = named.filter((name) => /[/.]/.test(name))
  expect(paths.length).toBeGreaterThan(50)
  const missing = paths.filter((path) => !existsSync(join(root, path.startsWith("test/") ? "" : "src", path)))
  // `members/` and its like are named beside the folder that they are in.
  const inside = missing.filter((path) => !existsSync(join(root, "src/mailchimp", path)))
  expect(inside).toEqual([])
})

test("each folder of src has a line in src/README.md", () => {
  for (const folder of new Glob("*").scanSync({ cwd: join(root, "src"), onlyFiles: false }))
    expect(textOf("src/README.md"), folder).toContain(`\`${folder}${folder.includes(".") ? "" : "/"}\``)
})

test("README.md is short, and links every page of docs", () => {
  const readme = textOf("README.md")
  expect(pages.length).toBeGreaterThan(6)
  expect(readme.split("\n").length).toBeLessThanOrEqual(220)
  for (const { path } of pages.filter(({ path }) => path !== "README.md" && !/^src\/./.test(path)))
    expect(readme, path).toContain(`](${path})`)
})
