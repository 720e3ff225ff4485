import { basename } from "node:path"
import type { HTMLBundle } from "bun"

/** A page and what it loads, bundled for browsers. */
export type BuiltPage = {
  readonly html: string
  readonly files: ReadonlyMap<string, File>
}

type File = { readonly bytes: ArrayBuffer; readonly type: string }

/**
 * The page of the HTML file that was imported, with the scripts and styles that it names. A compiled executable contains them;
 * otherwise they are bundled when the page is first requested.
 *
 * @param path where the files are served, ended by a slash
 */
export function createBuiltPage(page: HTMLBundle, path: string): () => Promise<BuiltPage> {
  let built: Promise<BuiltPage> | undefined
  return () => (built ??= load(page, path))
}

/** A file of the page. Its name has a hash of its content, so a browser may keep it for ever. */
export function respondWithFile({ files }: BuiltPage, name: string): Response | undefined {
  const file = files.get(name)
  if (file === undefined) return undefined
  const headers = { "content-type": file.type, "cache-control": "public, max-age=31536000, immutable" }
  return new Response(file.bytes, { headers })
}

async function load(page: HTMLBundle, path: string): Promise<BuiltPage> {
  const all = await (page.files === undefined ? bundle(page) : readEmbedded(page.files))
  const files = new Map([...all].filter(([name]) => !name.endsWith(".html")))
  const [, { bytes } = { bytes: new ArrayBuffer() }] = [...all].find(([name]) => !files.has(name)) ?? []
  const html = [...files.keys()].reduce(
    (html, name) => html.replaceAll(new RegExp(`"[./]*${name}"`, "g"), `"${path}${name}"`),
    new TextDecoder().decode(bytes),
  )
  return { html, files }
}

async function bundle({ index }: HTMLBundle): Promise<Map<string, File>> {
  const { outputs } = await Bun.build({
    entrypoints: [index],
    minify: true,
    naming: { entry: "[name].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
  })
  const files = outputs.map(
    async (output) =>
      [basename(output.path), { bytes: await output.arrayBuffer(), type: output.type }] as const,
  )
  return new Map(await Promise.all(files))
}

async function readEmbedded(embedded: NonNullable<HTMLBundle["files"]>): Promise<Map<string, File>> {
  const files = embedded.map(async ({ path, headers }) => {
    const bytes = await Bun.file(path).arrayBuffer()
    return [basename(path), { bytes, type: headers["content-type"] }] as const
  })
  return new Map(await Promise.all(files))
}
