/** The token in what somebody typed or pasted, and what is wrong with it, if the server could not say that well. */
export function parseToken(text: string): { readonly token: string; readonly fault: string } {
  const token = text.trim().replace(/^bearer\s+/i, "")
  const fault =
    token === ""
      ? "The field Token at the top is empty."
      : /\s/.test(token)
        ? "The token has a space in it."
        : ""
  return { token, fault }
}
