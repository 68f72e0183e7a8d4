//! Limits that this crate enforces.

/// The fewest characters of a password. Source: auth specification, section 13.1.
pub const PASSWORD_CHARS_MIN: usize = 6;
/// The most bytes of a password. Source: auth specification, section 13.1.
pub const PASSWORD_BYTES_MAX: usize = 4096;
/// The most characters of an email address. Source: auth specification, section 2.
pub const EMAIL_CHARS_MAX: usize = 254;
/// The fewest and most characters of a username. Source: auth specification, section 14.
pub const USERNAME_CHARS: std::ops::RangeInclusive<usize> = 3..=64;
/// The most characters of the JSON text of custom attributes. Source: auth specification, section 12.
pub const CUSTOM_ATTRIBUTES_CHARS_MAX: usize = 1000;
/// The characters of a generated uid. Source: auth specification, section 2.
pub const GENERATED_UID_CHARS: usize = 28;
/// The most bytes of a display name or photo URL, as JSON writes it; ours, since every ID token carries both.
pub const PROFILE_BYTES_MAX: usize = 2 * 1024;
/// The most bytes of everything of a user that its ID tokens carry, as JSON; ours: with it, a session's claims and the
/// server's own fit into the 16 KiB that verifiers read (auth specification, section 7).
pub const TOKEN_PROFILE_BYTES_MAX: usize = 6 * 1024;
/// The most identities that are linked with a user; ours, so that a record stays far below a row's limit.
pub const LINKED_IDENTITIES_MAX: usize = 20;
/// The most bytes of a provider's name; ours, since it is part of an index key.
pub const PROVIDER_ID_BYTES_MAX: usize = 128;
/// The most bytes of a user's id at a provider; ours, since it is part of an index key.
pub const RAW_ID_BYTES_MAX: usize = 1024;
/// The most bytes of each other text of a linked identity; ours.
pub const LINKED_TEXT_BYTES_MAX: usize = 2 * 1024;
/// The most bytes of the account API's `attributes`, as JSON; ours.
pub const ATTRIBUTES_BYTES_MAX: usize = 16 * 1024;
/// The most users of one page of a list. Source: auth specification, section 17.2.
pub const LIST_MAX: usize = 1000;
