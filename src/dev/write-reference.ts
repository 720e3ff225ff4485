/** Writes docs/reference.md: `bun run docs`. */
import { readMetrics, readOpenApi } from "./reference/read-openapi.ts"
import { toReference } from "./reference/reference.ts"

await Bun.write(
  `${import.meta.dir}/../../docs/reference.md`,
  toReference(await readOpenApi(), await readMetrics()),
)
