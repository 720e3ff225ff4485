import { errorTable } from "../../errors.ts"
import { codeMeanings } from "../../http/docs-page/code-meanings.ts"
import type { ApiDocument } from "../../http/docs-page/document.ts"
import { blocks, code, fieldTable } from "./markdown.ts"

/** The fields of a problem, and a section for each code: a problem's `type` names its anchor. */
export function problemsPart({ components: { schemas } }: ApiDocument): string {
  const { Problem: problem } = schemas
  return blocks(
    "## Problems",
    "An error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem, `application/problem+json`, with the envelope's `success` and `message`. Retryable means that the same request may succeed later although nobody changes anything. A 429 and a 503 have `Retry-After`.",
    problem === undefined ? "" : fieldTable(problem),
    ...Object.entries(errorTable).map(([name, { status, title, retryable }]) =>
      blocks(
        `### ${code(name)}`,
        `**${status} ${title}**${retryable ? ", retryable" : ""}. ${codeMeanings.get(name) ?? ""}`,
      ),
    ),
  )
}
