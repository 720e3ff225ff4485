/**
 * Frees the memory of bytes at once, and leaves them empty. Bytes that are a part of a larger buffer are left alone, because
 * others may share it. For large, short-lived bytes: if they are in use during one garbage collection, they would stay until
 * a full one, a hundred megabytes later.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength > 0 && buffer.byteLength === byteLength) buffer.transfer(0)
}
