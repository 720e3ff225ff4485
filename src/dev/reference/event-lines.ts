import type { ApiDocument } from "../../http/docs-page/document.ts"
import { blocks, fieldTable, sentence } from "./markdown.ts"

/** The lines of an export with `events=true` that are not members, one section for each kind. */
export function eventLinesPart({ components: { schemas } }: ApiDocument): string {
  const kinds = schemas["ExportEvent"]?.oneOf ?? []
  return blocks(
    "## Event lines",
    "With `events=true` an NDJSON export has lines between the members that say how far it is. Each is an object with the key `$export`, which no member has.",
    ...kinds.map((kind) => {
      const { $export, ...properties } = kind.properties ?? {}
      return blocks(
        `### ${String($export?.enum?.[0])}`,
        sentence(kind.description ?? ""),
        fieldTable({ ...kind, properties }),
      )
    }),
  )
}
