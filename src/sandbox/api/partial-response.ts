import type { Json } from "../members/member.ts"

/** The part of a response that `fields` or `exclude_fields` keep. */
export type Projection = {
  apply(envelope: Json): Json
  /** True if the rows stay whole, so that their bytes can be sent unchanged. */
  readonly keepsRows: boolean
  readonly keepsRowLinks: boolean
}

/** The names of a response's fields as a tree: `members.id,total_items` is {members: {id: {}}, total_items: {}}. */
type Tree = Map<string, Tree>

/**
 * Dotted names, relative to the envelope and reaching through arrays. An unknown name is ignored, as at Mailchimp.
 * The two parameters exclude each other: parseFields refuses a request with both.
 */
export function createProjection(
  fields: string | undefined,
  excludeFields: string | undefined,
  collection: string,
): Projection {
  if (fields) {
    const tree = parseNames(fields)
    return { apply: (envelope) => keep(envelope, tree), keepsRows: false, keepsRowLinks: true }
  }
  const tree = parseNames(excludeFields ?? "")
  const rowNames = tree.get(collection)
  const keepsRows =
    rowNames === undefined || (rowNames.size > 0 && [...rowNames.keys()].every((name) => name === "_links"))
  return {
    apply: (envelope) => drop(envelope, tree),
    keepsRows: keepsRows && (rowNames?.get("_links")?.size ?? 0) === 0,
    keepsRowLinks: !rowNames?.has("_links"),
  }
}

function parseNames(names: string): Tree {
  const root: Tree = new Map()
  for (const name of names.split(",").filter(Boolean)) {
    let tree = root
    const parts = name.trim().split(".")
    for (const [index, part] of parts.entries()) {
      const known = tree.get(part)
      // A branch that was named before without its own fields stays whole: `members,members.id` is `members`.
      if (known?.size === 0) break
      const next = known ?? new Map()
      if (index === parts.length - 1) next.clear()
      tree.set(part, next)
      tree = next
    }
  }
  return root
}

function keep(value: Json, tree: Tree): Json {
  if (tree.size === 0) return value
  if (Array.isArray(value)) return value.map((item) => keep(item, tree))
  if (value === null || typeof value !== "object") return value
  const kept: Record<string, Json> = {}
  for (const [name, inner] of Object.entries(value)) {
    const branch = tree.get(name)
    if (branch) kept[name] = keep(inner, branch)
  }
  return kept
}

function drop(value: Json, tree: Tree): Json {
  if (Array.isArray(value)) return value.map((item) => drop(item, tree))
  if (value === null || typeof value !== "object") return value
  const kept: Record<string, Json> = {}
  for (const [name, inner] of Object.entries(value)) {
    const branch = tree.get(name)
    if (branch === undefined) kept[name] = inner
    else if (branch.size > 0) kept[name] = drop(inner, branch)
  }
  return kept
}
