/**
 * An export as bytes. Rows come in with a newline before each, so what separates two rows is written with the second
 * one, and white space may follow a row for as long as the next one is awaited.
 */
export type Format = {
  start(): Uint8Array
  /** The same bytes, which may be changed in place. */
  rows(bytes: Uint8Array): Uint8Array
  /** Bytes that no reader sees, to show that the export is alive. */
  keepAlive(): Uint8Array
  /** What ends the last row, where the document is not ended because the export fails. */
  broken(): Uint8Array
  /** What makes the document whole. It is not written when the export fails. */
  end(): Uint8Array
}
