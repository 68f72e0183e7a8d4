//! What the official emulator wrote, and what we write, read back.
//!
//! `emulator_export/` was made by this project: documents of every type were put into the official Firestore emulator
//! (Cloud CLI of June 2025), and exported by `POST /emulator/v1/projects/demo-fixture:export`.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod emulator;
mod ours;
