import { z } from "@hono/zod-openapi"
import { sealedText } from "./parameters.ts"
import { invalidParameters } from "./problem.ts"

/** The parameter `cursor` as a header, which is not in the request line, whose length proxies limit. */
export const cursorHeader = "Export-Cursor"
export const cursorHeaders = z.object({
  // A header that is given twice arrives as one, joined by a comma, which no cursor has.
  [cursorHeader]: z
    .string()
    .regex(/^[^,]*$/, "must be given only once")
    .optional()
    .openapi({
      ...sealedText,
      description: "The same as the parameter cursor; if both are given they must be equal",
    }),
})

/**
 * The cursor, as a parameter or as a header.
 *
 * @throws {AppError} `invalid_parameter` if both are given and differ
 */
export function oneCursor(parameter: string | undefined, header: string | undefined): string | undefined {
  if (parameter === undefined || header === undefined || parameter === header) return parameter ?? header
  throw invalidParameters([
    { name: "cursor", reason: `must equal the header ${cursorHeader}, or must not be given` },
    { name: cursorHeader, reason: "must equal the parameter cursor, or must not be given" },
  ])
}
