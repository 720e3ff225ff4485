type Child = Node | string

/** Creates an element. Text is never parsed as HTML. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  Object.assign(element, properties)
  element.append(...children.filter((child) => child !== ""))
  return element
}

export function button(label: string, properties: Partial<HTMLButtonElement> = {}): HTMLButtonElement {
  return h("button", { type: "button", ...properties }, label)
}

/** A checkbox or a radio button with its label. */
export function choice(label: string, properties: Partial<HTMLInputElement>) {
  const input = h("input", { type: "checkbox", ...properties })
  return { input, element: h("label", { className: "choice" }, input, h("span", {}, label)) }
}

/** Has a screen reader say a sentence. */
export function announce(sentence: string): void {
  document.querySelector("#announcement")?.replaceChildren(sentence)
}

/** Disables a button while it works, so that a second click starts nothing. */
export async function whileBusy(pressed: HTMLButtonElement, work: () => Promise<unknown>): Promise<void> {
  pressed.disabled = true
  try {
    await work()
  } finally {
    pressed.disabled = false
  }
}

/** Asks in a dialog, which takes the focus and gives it back. */
export function confirmed(question: {
  readonly title: string
  readonly text: string
  readonly yes: string
}): Promise<boolean> {
  const dialog = h("dialog", { ariaLabel: question.title })
  dialog.append(
    h("h2", {}, question.title),
    h("p", {}, question.text),
    h(
      "p",
      { className: "actions" },
      button(question.yes, { className: "danger", onclick: () => dialog.close("yes") }),
      button("Keep it", { autofocus: true, onclick: () => dialog.close() }),
    ),
  )
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(dialog.returnValue === "yes")
    })
  })
}
