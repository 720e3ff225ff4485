/**
 * A 128-bit sum over the ids of rows, independent of their order: equal for equal sets, and in practice different for
 * different sets. It compares two readings of a list in constant memory.
 */
export type IdSum = Uint32Array

export function createIdSum(): IdSum {
  return new Uint32Array(4)
}

/** Adds an id of 32 bytes: each of the four lanes takes two words of four bytes. */
export function addIdBytes(sum: IdSum, view: DataView, start: number): void {
  sum[0] = (sum[0] ?? 0) + mixed(view.getInt32(start), view.getInt32(start + 4))
  sum[1] = (sum[1] ?? 0) + mixed(view.getInt32(start + 8), view.getInt32(start + 12))
  sum[2] = (sum[2] ?? 0) + mixed(view.getInt32(start + 16), view.getInt32(start + 20))
  sum[3] = (sum[3] ?? 0) + mixed(view.getInt32(start + 24), view.getInt32(start + 28))
}

function mixed(one: number, other: number): number {
  const product = Math.imul(one ^ Math.imul(other, 0x85ebca6b), 0xc2b2ae35)
  return product ^ (product >>> 15)
}

/** Adds any other text that identifies a row. */
export function addText(sum: IdSum, text: string): void {
  for (let lane = 0; lane < 4; lane += 1)
    sum[lane] = (sum[lane] ?? 0) + Bun.hash.xxHash32(text, 0x9e3779b9 + lane)
}

export function isSameSum(one: IdSum, other: IdSum): boolean {
  return one.every((lane, index) => lane === other[index])
}
