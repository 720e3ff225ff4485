import { z } from "@hono/zod-openapi"
import { sealedText } from "./parameters.ts"
import { invalidParameters } from "./problem.ts"

/** The parameter `cursor` as a header, because proxies limit the length of the request line. */
export const cursorHeader = "Export-Cursor"
export const cursorHeaders = z.object({
  // Headers that are given twice are joined by a comma, which no cursor contains.
  [cursorHeader]: z
    .string()
    .regex(/^[^,]*$/, "must be given only once")
    .optional()
    .openapi({
      ...sealedText,
      description: "The same as the parameter cursor; if both are given, they must be equal",
    }),
})

/**
 * The cursor, given as a parameter or as a header.
 *
 * @throws {AppError} `invalid_parameter` if both are given and differ
 */
export function oneCursor(parameter: string | undefined, header: string | undefined): string | undefined {
  if (parameter === undefined || header === undefined || parameter === header) return parameter ?? header
  throw invalidParameters([
    { name: "cursor", reason: `must equal the header ${cursorHeader}, or be left out` },
    { name: cursorHeader, reason: "must equal the parameter cursor, or be left out" },
  ])
}
