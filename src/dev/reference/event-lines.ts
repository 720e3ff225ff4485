import { fieldTable } from "./fields.ts"
import { blocks, sentence } from "./markdown.ts"
import type { JsonSchema, OpenApi } from "./openapi.ts"

/** The lines of an export with `events=true` that are not members, one section for each kind. */
export function eventLinesPart({ components: { schemas } }: OpenApi): string {
  const union = schemas["ExportEvent"]
  const kinds = (union?.oneOf ?? union?.anyOf ?? []).map((kind) => resolve(kind, schemas))
  return blocks(
    "## Event lines",
    "With `events=true` an NDJSON export has lines between the members that say how far it is. Each is an object with the key `$export`, which no member has.",
    ...kinds.map((kind) => {
      const { $export, ...fields } = kind.properties ?? {}
      return blocks(
        `### ${String($export?.const ?? $export?.enum?.[0])}`,
        sentence(kind.description ?? ""),
        fieldTable({ ...kind, properties: fields }),
      )
    }),
  )
}

function resolve(schema: JsonSchema, schemas: OpenApi["components"]["schemas"]): JsonSchema {
  const name = schema.$ref?.replace("#/components/schemas/", "")
  return (name === undefined ? undefined : schemas[name]) ?? schema
}
