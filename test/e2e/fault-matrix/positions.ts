/** Seeded members changed before 2026. */
const seeded = "20(?:[01]\\d|2[0-5])-"
const path = /\/members$/

/** The requests for members in which a fault begins. */
export const positions = {
  "the first page": { path },
  "the middle": { path, query: new RegExp(`since_last_changed=${seeded}`) },
  // The tail begins at the start of the export and has no end.
  "the tail": {
    path,
    query: new RegExp(`^(?!.*before_last_changed)(?=.*since_last_changed=(?!${seeded}))`),
  },
} as const

export type Position = keyof typeof positions

export function isPosition(name: string): name is Position {
  return name in positions
}
