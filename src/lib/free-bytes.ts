/**
 * Gives the memory of bytes back at once, if they have a buffer of their own: a part of one may share it with others. The
 * bytes are empty then. For large ones that come and go: those in use when the garbage collector passes by stay until it
 * is thorough, a hundred megabytes later.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength > 0 && buffer.byteLength === byteLength) buffer.transfer(0)
}
