/**
 * Encodes numbers and texts in few bytes by adaptive range coding, as in LZMA. Every binary decision has a named model that
 * learns how often each value occurs: a decision that is always the same takes almost no space. Encoder and decoder
 * implement one interface, so that a single function describes a format for both: the encoder writes the given value, the
 * decoder ignores it and returns the value that was written.
 */
export type Coder = {
  /** Learned separately for each `context`, a small number. */
  flag(model: string, value: boolean, context?: number): boolean
  /** An integer from 0 to 2^52. Small numbers, and numbers like earlier ones of the model, take the fewest bits. */
  number(model: string, value: number): number
  text(model: string, value: string): string
}

/** The operations in which encoder and decoder differ. */
type Primitives = {
  /** One of two values, where 0 has occurred `zeros` times out of `total`. */
  bit(zeros: number, total: number, value: number): number
  /** At most 16 bits, all values of which are equally likely. */
  bits(count: number, value: number): number
}

/**
 * How often each decision was 0 (at even indexes) and occurred at all (at odd indexes), counted from one half (Krichevsky
 * and Trofimov), all doubled.
 */
type Model = number[]

const WORD = 2 ** 32
const TOP = 2 ** 24
/** The binary length of a number is learned, and all bits of short numbers; the bits of long numbers are nearly random. */
const LENGTH_BITS = 6
const SHORT = 2

export function createEncoder(): Coder & { finish(): Uint8Array } {
  const bytes: number[] = []
  let low = 0
  let range = WORD - 1

  const add = (amount: number) => {
    low += amount
    if (low < WORD) return
    low -= WORD
    let last = bytes.length - 1
    for (; bytes[last] === 0xff; last -= 1) bytes[last] = 0
    bytes[last] = (bytes[last] ?? 0) + 1
  }
  const shift = () => {
    bytes.push(Math.floor(low / TOP))
    low = (low % TOP) * 256
  }
  const coder = createCoder({
    bit: (zeros, total, value) => {
      const bound = Math.floor(range / total) * zeros
      if (value === 1) add(bound)
      range = value === 1 ? range - bound : bound
      for (; range < TOP; range *= 256) shift()
      return value
    },
    bits: (count, value) => {
      range = Math.floor(range / 2 ** count)
      add(value * range)
      for (; range < TOP; range *= 256) shift()
      return value
    },
  })
  return {
    ...coder,
    number: (model, value) => {
      if (value >= 0 && value <= Number.MAX_SAFE_INTEGER && Number.isInteger(value))
        return coder.number(model, value)
      throw new RangeError(`Cannot encode a value that is not a non-negative integer: ${value}`)
    },
    /** The shortest number in the range: the decoder reads zeros after the last byte. */
    finish: () => {
      add(TOP - 1)
      shift()
      return Uint8Array.from(bytes)
    },
  }
}

export function createDecoder(bytes: Uint8Array): Coder {
  let at = 0
  const next = () => bytes[at++] ?? 0
  let code = ((next() * 256 + next()) * 256 + next()) * 256 + next()
  let range = WORD - 1

  return createCoder({
    bit: (zeros, total) => {
      const bound = Math.floor(range / total) * zeros
      const value = code < bound ? 0 : 1
      if (value === 1) code -= bound
      range = value === 1 ? range - bound : bound
      for (; range < TOP; range *= 256) code = code * 256 + next()
      return value
    },
    bits: (count) => {
      range = Math.floor(range / 2 ** count)
      const value = Math.floor(code / range)
      code -= value * range
      for (; range < TOP; range *= 256) code = code * 256 + next()
      return value
    },
  })
}

/** The part that encoder and decoder share: how values consist of decisions. */
function createCoder({ bit, bits }: Primitives): Coder {
  const models = new Map<string, Model>()

  return { flag, number, text }

  function flag(name: string, value: boolean, context = 0): boolean {
    return learned(modelOf(name), context, value ? 1 : 0) === 1
  }

  function number(name: string, value: number): number {
    const model = modelOf(name)
    const length = tree(model, 0, LENGTH_BITS, lengthOf(value + 1))
    if (length <= SHORT) return tree(model, 2 ** (LENGTH_BITS + length), length, value + 1) + 2 ** length - 1
    let high = 1
    for (let left = length; left > 0;) {
      const count = Math.min(left, 16)
      left -= count
      high = high * 2 ** count + bits(count, Math.floor((value + 1) / 2 ** left) % 2 ** count)
    }
    return high - 1
  }

  function text(name: string, value: string): string {
    const given = Buffer.from(value)
    const length = number(`${name} length`, given.length)
    const model = modelOf(name)
    return Buffer.from(Array.from({ length }, (_, at) => tree(model, 0, 8, given[at] ?? 0))).toString()
  }

  /** The lowest bits of a number, each learned in the context of the preceding bits. */
  function tree(model: Model, first: number, count: number, value: number): number {
    let prefix = 1
    for (let position = count - 1; position >= 0; position -= 1) {
      prefix = prefix * 2 + learned(model, first + prefix, (value >> position) & 1)
    }
    return prefix - 2 ** count
  }

  function learned(model: Model, decision: number, value: number): number {
    const zeros = model[2 * decision] ?? 1
    const total = model[2 * decision + 1] ?? 2
    const coded = bit(zeros, total, value)
    model[2 * decision] = coded === 0 ? zeros + 2 : zeros
    model[2 * decision + 1] = total + 2
    return coded
  }

  function modelOf(name: string): Model {
    const known = models.get(name)
    if (known) return known
    const model: Model = []
    models.set(name, model)
    return model
  }
}

/** The binary length of an integer, without its first bit. */
function lengthOf(value: number): number {
  return value < WORD ? 31 - Math.clz32(value) : 63 - Math.clz32(Math.floor(value / WORD))
}
