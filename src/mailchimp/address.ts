import { AppError } from "../errors.ts"

/** What to request below the root of the lists. */
export type Resource = {
  /** The list to request; without it, the collection of lists is requested. */
  readonly listId?: string
  /** What to request below the list, e.g. `members`. */
  readonly resource?: string
}

export type Query = Readonly<Record<string, string | number | undefined>>

export type AddressOptions = {
  /** The account's data center, such as `us19`. */
  readonly dc: string
  /** The API's root, with `{dc}` for the data center: `https://{dc}.api.mailchimp.com/3.0`. */
  readonly apiUrl: string
  /** The path of the lists on the API's host, if it is not `/lists` under the root: e.g. `/api/3.0/lists`. */
  readonly listsPath?: string | undefined
}

/** Where an account's data is requested. */
export type Address = {
  /** The data center that the account was last known to be in. */
  dc(): string
  /** The URL of a request to a data center. */
  toUrl(dc: string, resource: Resource, query: Query): string
  /**
   * Whether the account is not in this data center any more. Locates the account, unless another request has found it in
   * another data center meanwhile.
   */
  hasLeft(dc: string, locate: () => Promise<string>): Promise<boolean>
}

export function createAddress({ dc: firstDc, apiUrl, listsPath }: AddressOptions): Address {
  let current = firstDc
  return {
    dc: () => current,
    toUrl: (dc, { listId, resource }, query) => {
      if (!isDataCenter(dc))
        throw new AppError(
          "metadata_invalid",
          "Cannot send a request to Mailchimp because its data center is not valid",
        )
      const root = apiUrl.replaceAll("{dc}", dc).replace(/\/+$/, "")
      const lists =
        listsPath === undefined ? `${root}/lists` : new URL(listsPath, root).href.replace(/\/+$/, "")
      const path = [lists, listId, resource].filter((part) => part !== undefined).join("/")
      const parameters = new URLSearchParams()
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) parameters.append(name, String(value))
      }
      return `${path}?${parameters}`
    },
    hasLeft: async (dc, locate) => {
      if (current === dc) current = await locate()
      return current !== dc
    },
  }
}

/** Whether a text is the name of a data center, such as `us19`. The name becomes part of a host name. */
export function isDataCenter(text: string): boolean {
  return /^[a-z]+\d+$/.test(text)
}

/** Whether an id may become part of a path. */
export function isListId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(text)
}
