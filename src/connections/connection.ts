/** Whose connection it is: the account that acts (the caller's own, or a sub-account of his) and the user in it. */
export type Owner = {
  readonly accountId: string
  readonly uid: string
}

/** What Mailchimp's metadata endpoint told of the account, as far as we use it. No address of a person is kept. */
export type ConnectionMetadata = {
  /** The data center, such as `us19`: the host of every API call. The client checks it before it asks. */
  readonly dc: string
  /** The Mailchimp user, who has ten simultaneous connections. Missing in documents of an older service. */
  readonly userId?: string
  readonly accountName?: string
}

/** One Mailchimp account that one caller connected. */
export type Connection = {
  /** Stays when the same Mailchimp user reconnects after an invalidation, so that cursors live on. */
  readonly id: string
  /** Names this one stored document. A reconnection is another document, so a late write cannot hit it. */
  readonly revision: string
  readonly owner: Owner
  readonly accessToken: string
  readonly metadata: ConnectionMetadata
  /** When it was connected; unknown for documents of an older service. */
  readonly connectedAt?: Date
  /** Mailchimp refused the token: it was revoked, or its user was disabled. */
  readonly tokenInvalidated: boolean
}

export type NewConnection = Omit<Connection, "revision" | "connectedAt" | "tokenInvalidated"> & {
  readonly connectedAt: Date
}

/** What may change in a stored connection. */
export type ConnectionChanges = {
  readonly accessToken?: string
  readonly metadata?: ConnectionMetadata
  readonly tokenInvalidated?: true
}

/**
 * The stored connections, at most one an owner. Every method rejects with `database_unavailable` when the database
 * cannot be reached. Two callers at once are decided by a unique index, never by a look before a write.
 */
export type ConnectionStore = {
  find(owner: Owner): Promise<Connection | undefined>
  /** Resolves to false, and stores nothing, when the owner has a connection already. */
  insert(connection: NewConnection): Promise<boolean>
  /** Writes the named fields of that very document and keeps all others, known to us or not. Gone: does nothing. */
  update(connection: Connection, changes: ConnectionChanges): Promise<void>
  /** Deletes that very document. Resolves to false when it is gone already. */
  delete(connection: Connection): Promise<boolean>
  /** Which of these revisions are still stored: one query, however many they are. */
  existing(revisions: readonly string[]): Promise<ReadonlySet<string>>
}

/** Remembers which states were used, so that each can be used once, also when two callbacks race. */
export type UsedStateStore = {
  /**
   * Resolves to true for the first use of `id` and to false for each later one, until `expiresAt` at least. After that
   * it may be forgotten: by then the state itself has expired. An id is never given out twice.
   */
  use(id: string, expiresAt: Date): Promise<boolean>
}
