/** The owner of a connection: the acting account (the caller's own or one of their sub-accounts) and the user in it. */
export type Owner = {
  readonly accountId: string
  readonly uid: string
}

/** The fields of Mailchimp's metadata response that we use. No personal address is kept. */
export type ConnectionMetadata = {
  /** The data center, such as `us19`: part of the host of every API request. The client validates it before each request. */
  readonly dc: string
  /** The Mailchimp user, to whom the limit of ten simultaneous connections applies. Missing in documents of an older service. */
  readonly userId?: string
  readonly accountName?: string
}

/** One Mailchimp account that one caller connected. */
export type Connection = {
  /** Unchanged when the same Mailchimp user reconnects after an invalidation, so that cursors stay valid. */
  readonly id: string
  /** Identifies this one stored document. Reconnecting creates a new document, which a late write cannot change. */
  readonly revision: string
  readonly owner: Owner
  readonly accessToken: string
  readonly metadata: ConnectionMetadata
  /** Unknown for documents of an older service. */
  readonly connectedAt?: Date
  /** Mailchimp refused the token because it was revoked or its user was disabled. */
  readonly tokenInvalidated: boolean
}

export type NewConnection = Omit<Connection, "revision" | "connectedAt" | "tokenInvalidated"> & {
  readonly connectedAt: Date
}

/** The fields of a stored connection that can be updated. */
export type ConnectionChanges = {
  readonly accessToken?: string
  readonly metadata?: ConnectionMetadata
  readonly tokenInvalidated?: true
  /** From now on only `disconnecting()` returns the connection. */
  readonly disconnecting?: true
}

/**
 * The stored connections, at most one per owner. Every method rejects with `database_unavailable` if the database
 * cannot be reached. A unique index decides races, never a read before a write.
 */
export type ConnectionStore = {
  /** Undefined also for a connection that is being disconnected. */
  find(owner: Owner): Promise<Connection | undefined>
  /** The connections that are being disconnected, of one owner or of all. */
  disconnecting(owner?: Owner): Promise<readonly Connection[]>
  /** Resolves to false and stores nothing if the owner already has a connection, even one that is being disconnected. */
  insert(connection: NewConnection): Promise<boolean>
  /** Writes the given fields of this very document and keeps all others, even unknown ones. Does nothing if it is gone. */
  update(connection: Connection, changes: ConnectionChanges): Promise<void>
  /** Deletes this very document. Resolves to false if it is already gone. */
  delete(connection: Connection): Promise<boolean>
  /** The revisions among these that are still stored and not being disconnected, in one query. */
  existing(revisions: readonly string[]): Promise<ReadonlySet<string>>
}

/** Remembers used states, so that each can be used only once, even when two callbacks race. */
export type UsedStateStore = {
  /**
   * Resolves to true for the first use of `id` and to false for every later one, at least until `expiresAt`. After that
   * the id may be forgotten, because the state itself has expired. Ids are never issued twice.
   */
  use(id: string, expiresAt: Date): Promise<boolean>
}
