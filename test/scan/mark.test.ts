import { expect, test } from "bun:test"
import {
  type Change,
  argument,
  changeAfterMark,
  condition,
  dropArgument,
  isParsable,
  keep,
  keepArgument,
  marksIn,
  operand,
  remove,
  value,
} from "./model/mark.ts"

function changed(line: string, change: Change): string {
  const code = `before()\n// Why.\n// rule: a rule\n// rule: another rule\n${line}\nafter()\n`
  const [, , , , result, ...rest] = changeAfterMark(code, "a rule", change).split("\n")
  expect(rest).toEqual(["after()", ""])
  return result ?? ""
}

test("a change applies to the largest part of the code that begins after the mark", () => {
  expect(marksIn("// rule: one\nf()\n// rule: two\n// rules: none\ng()")).toEqual(["one", "two"])
  expect(changed("if (a) f()", remove)).toBe(";")
  expect(changed("if (a && b) f(c && d)", keep("left", "&&"))).toBe("if (a) f(c && d)")
  expect(changed("if (a && b) f(c && d)", keep("right", "&&", 2))).toBe("if (a && b) f(d)")
  expect(changed("const a = b ? c : d", condition("true"))).toBe("const a = true ? c : d")
})

test("arguments, values and operands are replaced", () => {
  expect(changed("const a = f(g(b), c) + 1", keepArgument(1))).toBe("const a = (c) + 1")
  expect(changed("const a = f(g(b), c) + 1", dropArgument(0))).toBe("const a = f(c) + 1")
  expect(changed("f(g(b), c)", dropArgument(0, 2))).toBe("f(g(), c)")
  expect(changed("f(g(b), c)", argument(1, "d"))).toBe("f(g(b), d)")
  expect(changed("const a = b", value("1"))).toBe("const a = 1")
  expect(changed("a.b = c", value("1"))).toBe("a.b = 1")
  expect(
    changed(
      "const { a } = b.c",
      value((text, names) => `${text} ${names.join(" ")}`),
    ),
  ).toBe("const { a } = b.c a b")
  expect(changed("a = b - c", operand("right", "-", "1"))).toBe("a = b - 1")
})

test("a property keeps its name, also if that was also its value", () => {
  const code = "f({ a,\n// rule: a rule\nb,\n// rule: another rule\nc: d })"
  expect(changeAfterMark(code, "a rule", value("1"))).toContain("b: 1,")
  expect(changeAfterMark(code, "another rule", value("1"))).toContain("c: 1 }")
})

test("a change that does not fit the code, and a missing mark, are refused", () => {
  expect(() => changed("f()", keep("left", "&&"))).toThrow("Cannot change the code after the mark: a rule")
  expect(() => changed("f()", argument(0, "1"))).toThrow("Cannot change the code after the mark: a rule")
  expect(() => changeAfterMark("f()", "a rule", remove)).toThrow("Cannot find the mark: a rule")
  expect([isParsable("f()"), isParsable("f(")]).toEqual([true, false])
})
