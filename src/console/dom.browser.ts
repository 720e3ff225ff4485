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
export function choice(label: string, properties: Partial<HTMLInputElement>, hint = "") {
  const input = h("input", { type: "checkbox", ...properties })
  const words = h("span", {}, label, hint && h("span", { className: "quiet" }, ` ${hint}`))
  return { input, element: h("label", { className: "choice" }, input, words) }
}

/** Check, or uncheck, all of some boxes. */
export function checkButtons(what: string, check: (isChecked: boolean) => void): HTMLButtonElement[] {
  return [true, false].map((isChecked) => {
    const label = isChecked ? "Check all" : "Uncheck all"
    return button(label, { ariaLabel: `${label} ${what}`, onclick: () => check(isChecked) })
  })
}

/** Has a screen reader say a sentence. */
export function announce(sentence: string): void {
  document.querySelector("#announcement")?.replaceChildren(sentence)
}

/** A second click while the button works starts nothing. It is not `disabled`, because it would lose the focus. */
export async function whileBusy(pressed: HTMLButtonElement, work: () => Promise<unknown>): Promise<void> {
  if (pressed.ariaDisabled === "true") return
  pressed.ariaDisabled = "true"
  try {
    await work()
  } finally {
    pressed.ariaDisabled = null
  }
}

/** A heading that can get the focus, if what had it is gone. */
export function focusableHeading(tag: "h2" | "h3", text: string): HTMLHeadingElement {
  return h(tag, { tabIndex: -1 }, text)
}

/** Replaces buttons. If one of them had the focus, the first new one gets it, or else `otherwise`. */
export function replaceButtons(
  parent: HTMLElement,
  buttons: readonly HTMLButtonElement[],
  otherwise: HTMLElement,
): void {
  const hadFocus = parent.contains(document.activeElement)
  parent.replaceChildren(...buttons)
  if (hadFocus) (buttons[0] ?? otherwise).focus()
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
