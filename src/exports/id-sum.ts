/**
 * A sum of 128 bits over the ids of rows, in whatever order they come: equal for equal sets, and for no others that one will
 * ever meet. So two readings of a list can be compared in constant memory.
 */
export type IdSum = Uint32Array

export function createIdSum(): IdSum {
  return new Uint32Array(4)
}

/** Adds an id of 32 bytes, by two words of four bytes for each of the four sums. */
export function addIdBytes(sum: IdSum, view: DataView, start: number): void {
  for (let lane = 0; lane < 4; lane += 1) {
    const at = start + 8 * lane
    const mixed = Math.imul(view.getInt32(at) ^ Math.imul(view.getInt32(at + 4), 0x85ebca6b), 0xc2b2ae35)
    sum[lane] = (sum[lane] ?? 0) + (mixed ^ (mixed >>> 15))
  }
}

/** Adds whatever else tells a row apart. */
export function addText(sum: IdSum, text: string): void {
  for (let lane = 0; lane < 4; lane += 1)
    sum[lane] = (sum[lane] ?? 0) + Bun.hash.xxHash32(text, 0x9e3779b9 + lane)
}

export function isSameSum(one: IdSum, other: IdSum): boolean {
  return one.every((lane, index) => lane === other[index])
}
