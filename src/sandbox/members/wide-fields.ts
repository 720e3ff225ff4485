import type { Random } from "../random.ts"

/** The most characters that a merge field of type text can hold. */
const MAX_CHARACTERS = 255

/** More merge fields than most lists have. */
export function wideFieldsOf(count = 0): { tag: string; name: string; type: string }[] {
  return Array.from({ length: count }, (_, index) => ({
    tag: `WIDE${index + 1}`,
    name: `Wide ${index + 1}`,
    type: "text",
  }))
}

/** The values of these fields for one member, each of maximum length. They compress like words, to about a third. */
export function inventWideFields(random: Random, count = 0): Record<string, string> {
  const values = wideFieldsOf(count).map(({ tag }) => {
    let text = ""
    while (text.length < MAX_CHARACTERS) text += `${random.integer(36 ** 5).toString(36)} lorem ipsum `
    return [tag, text.slice(0, MAX_CHARACTERS)] as const
  })
  return Object.fromEntries(values)
}
