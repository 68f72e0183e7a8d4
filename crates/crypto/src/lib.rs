//! Algorithms without Firebase words: JWS, RSA keys, JWK, certificates, password hashes, sealing, digests, randomness.
//!
//! No I/O, no clock, no policy: which `alg` or `kid` a token may have is judged by `firekeep-token`. All asymmetric and
//! symmetric cryptography is aws-lc's; only password hashing is another crate's (`argon2`).

pub mod certificate;
pub mod digest;
mod error;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod password;
mod pem;
mod random;
pub mod rsa;
pub mod seal;

pub use error::Error;
pub use random::fill_random;
