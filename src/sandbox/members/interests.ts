import type { Random } from "../random.ts"
import { md5 } from "./member.ts"

/**
 * The seed of an interest group. Ids have ten hex digits and are derived from the names by default.
 */
export type InterestCategorySeed = {
  title: string
  id?: string
  type?: "checkboxes" | "dropdown" | "radio" | "hidden"
  interests: readonly { name: string; id?: string }[]
}

export type InterestCategory = {
  readonly id: string
  readonly title: string
  readonly type: string
  readonly interests: readonly { readonly id: string; readonly name: string }[]
}

export function createInterestCategories(
  listId: string,
  seeds: readonly InterestCategorySeed[],
): InterestCategory[] {
  return seeds.map(({ title, type = "checkboxes", ...seed }) => {
    const id = seed.id ?? md5(`${listId} ${title}`).slice(0, 10)
    const interests = seed.interests.map((interest) => ({
      id: interest.id ?? md5(`${id} ${interest.name}`).slice(0, 10),
      name: interest.name,
    }))
    return { id, title, type, interests }
  })
}

/**
 * The `interests` of a row: every interest of the list, chosen by the member or not. No key if the list has no
 * interests.
 */
export function writeInterests(
  categories: readonly InterestCategory[],
  has: (id: string) => boolean = () => false,
): { interests?: Record<string, boolean> } {
  const ids = categories.flatMap(({ interests }) => interests.map(({ id }) => id))
  return ids.length === 0 ? {} : { interests: Object.fromEntries(ids.map((id) => [id, has(id)])) }
}

export function inventInterests(random: Random, categories: readonly InterestCategory[]) {
  return writeInterests(categories, () => random.chance(0.3))
}
