//! Limits of the readers of JSON and protobuf. The transport bounds the body; these bound what a small body can cost.

/// How deep objects and lists of a JSON body may nest. A document of 20 maps takes about 65, so the model can still
/// tell its client which limit was broken; a protobuf body ends at about the same depth.
pub const JSON_DEPTH_MAX: usize = 100;

/// How many list elements and map entries one JSON body may have. `{}` is three bytes of JSON and up to 200 of memory.
pub const JSON_ELEMENTS_MAX: usize = 1_000_000;

/// The longest name of the client's that an error repeats, in bytes.
pub const JSON_QUOTED_BYTES_MAX: usize = 64;

/// How many parts one protobuf message may have: as many as in JSON.
pub const ELEMENTS_MAX: usize = JSON_ELEMENTS_MAX;

/// The parts of a protobuf message below this many bytes are not counted: it cannot cost much.
pub const COUNTED_BYTES_MIN: usize = 64 * 1024;

/// How deep parts of a protobuf message are followed; its reader takes nothing deeper.
pub const DEPTH_MAX: usize = 100;
