import type { z } from "zod"
import type { EventLine } from "../event-lines.ts"
import type { Selection } from "../selection.ts"
import type { CsvOptions } from "./csv/csv-options.ts"
import type { ListColumnReaders, ListColumns } from "./csv/list-columns.ts"

/** What the bytes of an export depend on besides its rows. */
export type EncoderInput = {
  readonly selection: Pick<Selection, "fields" | "excludeFields">
  /** The values of the parameters that only some formats have: see `parameters` of the format. */
  readonly options: CsvOptions
  readonly lists: readonly { readonly id: string; readonly name: string }[]
  readonly readers: ListColumnReaders
  /** Aborts what the encoder still reads. */
  readonly signal: AbortSignal
  /** An earlier run has written the first files of the export: these continue without a beginning, and with the same columns. */
  readonly continues?: { readonly columns?: readonly ListColumns[] | undefined } | undefined
}

/**
 * Converts one export to bytes. Each row arrives with a newline before it, so the separator is written with the second of
 * two rows, and a keep-alive may follow a row while the next row is awaited.
 */
export type Encoder = {
  /** Resolves when everything is known that the encoder needs, such as the columns. Until then only `keepAlive` is called. */
  readonly ready?: Promise<void> | undefined
  /** The bytes before the first row. */
  start(): Uint8Array
  /** Returns the given bytes, possibly changed in place. */
  rows(bytes: Uint8Array): Uint8Array
  /** Shows that the export is alive: bytes that parsers ignore, or else the next piece of what was held back. */
  keepAlive(): Uint8Array
  /** Ends the last row, but not the document, when the export fails. */
  broken(): Uint8Array
  /** Completes the document. Not written when the export fails. */
  end(): Uint8Array
}

/** An encoder whose bytes can be divided into files. */
export type PartEncoder = Encoder & {
  /** Ends the last row, so that the next row can be the first of another file. */
  endRow(): Uint8Array
  /** What all files have in common besides the parameters, for `continues` of a later run. Known when `ready` resolves. */
  columns?(): readonly ListColumns[] | undefined
}

/** An encoder of a format that may have event lines. */
export type EventEncoder = PartEncoder & {
  /** A line that is not a member. It ends with a newline at once, so that a client that reads line by line receives it. */
  line(event: EventLine): Uint8Array
}

/** All that the service knows of a format, in one place: see `formats`. */
export type Format = {
  /** The value of the parameter `format`. */
  readonly name: string
  readonly mediaType: string
  /** The header Content-Type: the media type, with its parameters if it has any. */
  readonly contentType: string
  /** Other names of the media type in the header Accept. */
  readonly otherMediaTypes: readonly string[]
  /** How the name of a file ends. */
  readonly fileSuffix: string
  /** The response body, for /openapi.json. */
  readonly schema: z.ZodType
  /** The parameters of an export that only this format has. */
  readonly parameters: readonly (keyof CsvOptions)[]
  /**
   * If rows are made of single fields of a member: which fields, unless the caller selects others. Other fields that a row has
   * are not written.
   */
  readonly cellFields?: readonly string[]
} & (
  | { readonly hasEvents: false; readonly hasParts: false; createEncoder(input: EncoderInput): Encoder }
  /** A job can write the members to several files. */
  | { readonly hasEvents: false; readonly hasParts: true; createEncoder(input: EncoderInput): PartEncoder }
  /** Event lines may come between the members, so the export can be resumed by a cursor. */
  | { readonly hasEvents: true; readonly hasParts: true; createEncoder(input: EncoderInput): EventEncoder }
)

/** A format in which a job can write. */
export type PartFormat = Extract<Format, { hasParts: true }>
