//! Every bound of the reader, with its unit. All are ours.

/// The longest record, in bytes: a document has at most 1 MiB, but an array repeats the field's name with each element.
pub const RECORD_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// The longest metadata file, in bytes.
pub const METADATA_BYTES_MAX: u64 = 16 * 1_024 * 1_024;

/// How many groups of a message may be inside each other. Two are needed.
pub(crate) const GROUP_DEPTH_MAX: usize = 8;
