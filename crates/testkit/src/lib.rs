//! What tests of several crates share: seeded randomness and generated values.
//!
//! Only ever a dev-dependency.

pub mod random;
pub mod values;
