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
/// The most bytes of a display name or photo URL; ours, so that a record stays far below a row's limit.
pub const PROFILE_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of the account API's `attributes`, as JSON; ours.
pub const ATTRIBUTES_BYTES_MAX: usize = 16 * 1024;
/// The most users of one page of a list. Source: auth specification, section 17.2.
pub const LIST_MAX: usize = 1000;
