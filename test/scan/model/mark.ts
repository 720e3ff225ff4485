import { parseSync } from "oxc-parser"

/** A node of the syntax tree (ESTree). */
type Node = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** A part of the code, and the text to replace it with. */
type Edit = { readonly node: Node; readonly text: string }

type TextOf = (node: Node) => string

/** How to change the marked statement, property or expression. */
export type Change = (marked: Node, textOf: TextOf) => Edit

const MARK = /^ rule: (.+)$/

/** The names in the comments `// rule: NAME` of a file. */
export function marksIn(code: string): string[] {
  return parse(code).marks.map(({ name }) => name)
}

/**
 * Returns the code in which the statement, property or expression after the rule's mark is changed: the largest that begins
 * there.
 *
 * @throws {Error} if the mark is missing, or the code after it has no such part as the change is for
 */
export function changeAfterMark(code: string, name: string, change: Change): string {
  const { program, marks } = parse(code)
  const mark = marks.find((mark) => mark.name === name)
  const marked = mark && nodesIn(program).find(({ start }) => start >= mark.end)
  if (!marked) throw new Error(`Cannot find the mark: ${name}`)
  try {
    const { node, text } = change(marked, ({ start, end }) => code.slice(start, end))
    return code.slice(0, node.start) + text + code.slice(node.end)
  } catch (cause) {
    throw new Error(`Cannot change the code after the mark: ${name}`, { cause })
  }
}

/** Whether the code has no syntax error. */
export function isParsable(code: string): boolean {
  return parseSync("code.ts", code).errors.length === 0
}

/** Removes the statement. */
export const remove: Change = (marked) => {
  if (!/(Statement|Declaration)$/.test(marked.type)) throw new Error(`Not a statement: ${marked.type}`)
  return { node: marked, text: ";" }
}

/** Replaces the condition of the first `if`, loop or conditional expression. */
export function condition(toText: ToText): Change {
  return (marked, textOf) =>
    replace(
      field(
        first(marked, ({ test }) => isNode(test)),
        "test",
      ),
      marked,
      toText,
      textOf,
    )
}

/** Keeps one operand of the operator, which is the nth such operator from outside and left. */
export function keep(side: "left" | "right", operator: string, nth = 1): Change {
  return (marked, textOf) => {
    const node = operation(marked, operator, nth)
    return { node, text: textOf(field(node, side)) }
  }
}

/** Replaces the first call by one of its arguments. */
export function keepArgument(index: number): Change {
  return (marked, textOf) => {
    const { call, argument } = callIn(marked, index)
    return { node: call, text: `(${textOf(argument)})` }
  }
}

/** Drops an argument of the nth call from outside and left. */
export function dropArgument(index: number, nth = 1): Change {
  return (marked, textOf) => {
    const { call, list } = callIn(marked, index, nth)
    const left = list.filter((_, each) => each !== index).map(textOf)
    return { node: call, text: `${textOf(field(call, "callee"))}(${left.join(", ")})` }
  }
}

/** Replaces an argument of the first call. */
export function argument(index: number, toText: ToText): Change {
  return (marked, textOf) => replace(callIn(marked, index).argument, marked, toText, textOf)
}

/** Replaces what the statement assigns or returns, the value of the property, or the whole expression. */
export function value(toText: ToText): Change {
  return (marked, textOf) => {
    const [declarator] = Array.isArray(marked["declarations"]) ? marked["declarations"].filter(isNode) : []
    const holder = isNode(marked["expression"]) ? marked["expression"] : (declarator ?? marked)
    const node = [holder["init"], holder["right"], holder["argument"], holder["value"]].find(isNode) ?? holder
    const edit = replace(node, marked, toText, textOf)
    return holder["shorthand"] ? { node, text: `${textOf(node)}: ${edit.text}` } : edit
  }
}

/** Replaces an operand of the operator. The last resort, like other texts made of the names in the marked code. */
export function operand(side: "left" | "right", operator: string, toText: ToText): Change {
  return (marked, textOf) => replace(field(operation(marked, operator, 1), side), marked, toText, textOf)
}

/** The new text, or how to make it from the old text and from the names of the variables in the marked code, in order. */
type ToText = string | ((text: string, names: readonly string[]) => string)

function replace(node: Node, marked: Node, toText: ToText, textOf: TextOf): Edit {
  const text = typeof toText === "string" ? toText : toText(textOf(node), namesIn(marked))
  return { node, text }
}

function namesIn(marked: Node): string[] {
  const nodes = nodesIn(marked)
  const properties = new Set(
    nodes.filter(({ computed }) => computed === false).map(({ key, property }) => key ?? property),
  )
  const names = nodes
    .filter((node) => node.type === "Identifier" && !properties.has(node))
    .map(({ name }) => String(name))
  return [...new Set(names)]
}

function operation(marked: Node, operator: string, nth: number): Node {
  return first(marked, (node) => node["operator"] === operator && isNode(node["left"]), nth)
}

function callIn(marked: Node, index: number, nth = 1) {
  const call = first(marked, ({ type }) => type === "CallExpression", nth)
  const list = Array.isArray(call["arguments"]) ? call["arguments"].filter(isNode) : []
  const argument = list[index]
  if (!argument) throw new Error(`No argument ${index}`)
  return { call, list, argument }
}

function first(marked: Node, isWanted: (node: Node) => boolean, nth = 1): Node {
  const node = nodesIn(marked).filter(isWanted)[nth - 1]
  if (!node) throw new Error(`Not in this ${marked.type}`)
  return node
}

function field(node: Node, name: string): Node {
  const value = node[name]
  if (!isNode(value)) throw new Error(`No ${name} in this ${node.type}`)
  return value
}

function parse(code: string) {
  const { program, comments } = parseSync("code.ts", code)
  if (!isNode(program)) throw new Error("Cannot parse the code")
  const marks = comments.flatMap(({ value, end }) => {
    const name = MARK.exec(value)?.[1]
    return name === undefined ? [] : [{ name, end }]
  })
  return { program, marks }
}

/** The node and all nodes in it, each before its parts, in the order of the code. */
function nodesIn(node: Node): Node[] {
  const parts = Object.values(node).flat().filter(isNode)
  return [node, ...parts.toSorted((a, b) => a.start - b.start).flatMap(nodesIn)]
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value && "end" in value
}
