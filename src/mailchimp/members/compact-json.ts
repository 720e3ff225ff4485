import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACE,
} from "./json-syntax.ts"

const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const U = 0x75
/** The bytes that may follow a backslash; a `u` is followed by four digits. */
const ESCAPED = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number('"\\/bfnrtu'.includes(String.fromCharCode(byte))),
)
const HEX_DIGITS = 4
const LITERALS = ["true", "false", "null"].map((literal) => Buffer.from(literal))
/** Deeper objects are left to a parser, which does not use our stack. */
const DEEPEST = 32

/**
 * The end of the JSON object that begins at `start`; 0 if there is none, or if it needs a parser because it has white space
 * between tokens, an exponent or 32 levels. Values are checked against the grammar of RFC 8259 but not created. The text must
 * be UTF-8.
 */
export function compactObjectEnd(json: Uint8Array, start: number): number {
  return json[start] === OPEN_OBJECT ? collectionEnd(json, start, DEEPEST) : 0
}

/** The end of any JSON value, as {@link compactObjectEnd} finds it. */
export function compactValueEnd(json: Uint8Array, start: number): number {
  return valueEnd(json, start, DEEPEST)
}

/** Every function here returns the end of something, or 0. */
function valueEnd(json: Uint8Array, start: number, depth: number): number {
  const first = json[start] ?? 0
  if (first === QUOTE) return stringEnd(json, start)
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return collectionEnd(json, start, depth)
  if (first === MINUS || isDigit(first)) return numberEnd(json, start)
  return literalEnd(json, start)
}

function collectionEnd(json: Uint8Array, start: number, depth: number): number {
  if (depth === 0) return 0
  const isObject = json[start] === OPEN_OBJECT
  const close = isObject ? CLOSE_OBJECT : CLOSE_ARRAY
  if (json[start + 1] === close) return start + 2
  let position = start + 1
  for (;;) {
    if (isObject) {
      const keyEnd = json[position] === QUOTE ? stringEnd(json, position) : 0
      if (keyEnd === 0 || json[keyEnd] !== COLON) return 0
      position = keyEnd + 1
    }
    position = valueEnd(json, position, depth - 1)
    if (position === 0) return 0
    if (json[position] === close) return position + 1
    if (json[position] !== COMMA) return 0
    position += 1
  }
}

function stringEnd(json: Uint8Array, start: number): number {
  let position = start + 1
  // A byte past the end counts as 0, which is invalid in a string.
  for (let byte = json[position] ?? 0; byte !== QUOTE; byte = json[position] ?? 0) {
    if (byte < SPACE) return 0
    position += 1
    if (byte !== BACKSLASH) continue
    const escape = json[position] ?? 0
    if (ESCAPED[escape] !== 1) return 0
    position += 1
    if (escape !== U) continue
    for (const end = position + HEX_DIGITS; position < end; position += 1)
      if (!isHexDigit(json[position] ?? 0)) return 0
  }
  return position + 1
}

function numberEnd(json: Uint8Array, start: number): number {
  const first = json[start] === MINUS ? start + 1 : start
  const integerEnd = digitsEnd(json, first)
  if (integerEnd === first || (json[first] === ZERO && integerEnd > first + 1)) return 0
  if (json[integerEnd] !== DOT) return integerEnd
  const end = digitsEnd(json, integerEnd + 1)
  return end === integerEnd + 1 ? 0 : end
}

function digitsEnd(json: Uint8Array, start: number): number {
  let position = start
  while (isDigit(json[position] ?? 0)) position += 1
  return position
}

function literalEnd(json: Uint8Array, start: number): number {
  for (const literal of LITERALS) {
    let length = 0
    while (length < literal.length && json[start + length] === literal[length]) length += 1
    if (length === literal.length) return start + length
  }
  return 0
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte < ZERO + 10
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}
