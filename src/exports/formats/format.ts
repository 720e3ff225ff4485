import type { z } from "zod"

/**
 * Converts one export to bytes. Each row arrives with a newline before it, so the separator is written with the second of
 * two rows, and a keep-alive may follow a row while the next row is awaited.
 */
export type Encoder = {
  /** The bytes before the first row. They may take time, e.g. to learn the columns: meanwhile `keepAlive` is called. */
  start(): Uint8Array | Promise<Uint8Array>
  /** Returns the given bytes, possibly changed in place. */
  rows(bytes: Uint8Array): Uint8Array
  /** Shows that the export is alive: bytes that parsers ignore, or else the next piece of what was held back. */
  keepAlive(): Uint8Array
  /** Ends the last row, but not the document, when the export fails. */
  broken(): Uint8Array
  /** Completes the document. Not written when the export fails. */
  end(): Uint8Array
}

/** An encoder of a format that may have event lines. */
export type EventEncoder = Encoder & {
  /** A line that is not a member. It ends with a newline at once, so that a client that reads line by line receives it. */
  line(value: object): Uint8Array
}

/** All that the service knows of a format, in one place: see `formats`. */
export type Format = {
  /** The value of the parameter `format`. */
  readonly name: string
  readonly mediaType: string
  /** Other names of the media type in the header Accept. */
  readonly otherMediaTypes: readonly string[]
  /** How the name of a file ends. */
  readonly fileSuffix: string
  /** The response body, for /openapi.json. */
  readonly schema: z.ZodType
} & (
  | { readonly hasEvents: false; createEncoder(): Encoder }
  /** Event lines may come between the members, so the export can be resumed by a cursor. */
  | { readonly hasEvents: true; createEncoder(): EventEncoder }
)
