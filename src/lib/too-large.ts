/** A body holds more bytes than its reader takes. Nobody has read it whole. */
export class TooLarge extends Error {
  override readonly name = "TooLarge"
  /** The size of the body as far as it is known: its announced or projected size, or else just over the limit. */
  readonly bytes: number

  constructor(bytes: number, mostBytes: number) {
    super(`The body has ${bytes} bytes or more, and the limit is ${mostBytes}`)
    this.bytes = bytes
  }
}
