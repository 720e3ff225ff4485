export type MemberStatus =
  "subscribed" | "unsubscribed" | "cleaned" | "pending" | "transactional" | "archived"

/** An address as the value of a merge field. */
export type MergeAddress = {
  addr1: string
  addr2: string
  city: string
  state: string
  zip: string
  country: string
}

/** A member of a list, as Mailchimp sent it. `list_id` and `id` together are its key. */
export type Member = {
  /** The MD5 of the lower-case address. Empty for a member without an address. */
  id: string
  email_address: string
  unique_email_id: string
  contact_id: string
  full_name: string
  web_id: number
  email_type: string
  status: MemberStatus
  unsubscribe_reason?: string
  consents_to_one_to_one_messaging: boolean
  sms_phone_number?: string
  sms_subscription_status?: string
  sms_subscription_last_updated?: string
  /** By tag: see `merge_fields` of the list. */
  merge_fields: Record<string, string | number | MergeAddress>
  /** By id: see `interests` of the list. Missing if the list has none. */
  interests?: Record<string, boolean>
  stats: {
    avg_open_rate: number
    avg_click_rate: number
    ecommerce_data?: { total_revenue: number; number_of_orders: number; currency_code: string }
  }
  ip_signup: string
  timestamp_signup: string
  ip_opt: string
  timestamp_opt: string
  member_rating: number
  last_changed: string
  language: string
  vip: boolean
  email_client: string
  location: {
    latitude: number
    longitude: number
    gmtoff: number
    dstoff: number
    country_code: string
    timezone: string
    region: string
  }
  marketing_permissions?: { marketing_permission_id: string; text: string; enabled: boolean }[]
  last_note?: { note_id: number; created_at: string; created_by: string; note: string }
  source: string
  tags_count: number
  tags: { id: number; name: string }[]
  list_id: string
}
