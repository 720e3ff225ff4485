/**
 * Converts an export to bytes. Each row arrives with a newline before it, so the separator is written with the second of
 * two rows, and white space may follow a row while the next row is awaited.
 */
export type Format = {
  start(): Uint8Array
  /** Returns the given bytes, possibly changed in place. */
  rows(bytes: Uint8Array): Uint8Array
  /** Bytes that parsers ignore, to show that the export is alive. */
  keepAlive(): Uint8Array
  /** Ends the last row, but not the document, when the export fails. */
  broken(): Uint8Array
  /** Completes the document. Not written when the export fails. */
  end(): Uint8Array
}
