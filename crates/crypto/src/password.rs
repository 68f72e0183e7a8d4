//! Password hashes: Argon2id as PHC strings (auth specification, section 13.1).
//!
//! Hashing takes tens of milliseconds and 19 MiB; callers bound how many run at once. A refusal takes as long as a match:
//! an unknown user is answered after [`verify_dummy`].

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::Error;

/// The most bytes of a password. Source: auth specification, section 13.1.
pub const PASSWORD_BYTES_MAX: usize = 4096;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
/// A stored hash that asks for more than this is no hash of ours, and would be a way to exhaust the server.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

/// What [`verify`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match,
    /// The password is right, and its hash has not today's parameters: hash it again and store that.
    MatchRehash,
    /// The password is wrong, or the hash cannot be read.
    Mismatch,
}

/// The PHC string of a password. `salt` is fresh random bytes.
///
/// # Errors
/// [`Error::PasswordTooLong`]; [`Error::Failed`] for want of memory.
pub fn hash(password: &[u8], salt: [u8; 16]) -> Result<String, Error> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::PasswordTooLong);
    }
    let salt = SaltString::encode_b64(&salt).map_err(|_| failed())?;
    let hash = hasher()?
        .hash_password(password, &salt)
        .map_err(|_| failed())?;
    Ok(hash.to_string())
}

/// Judges a password by its PHC string. A hash that cannot be read is a mismatch, at the same cost.
#[must_use]
pub fn verify(password: &[u8], phc: &str) -> Verdict {
    let Some((hash, params)) = readable(phc).filter(|_| password.len() <= PASSWORD_BYTES_MAX)
    else {
        verify_dummy(password);
        return Verdict::Mismatch;
    };
    // The verifier takes algorithm and parameters from the hash, and compares in constant time.
    if Argon2::default().verify_password(password, &hash).is_err() {
        return Verdict::Mismatch;
    }
    let ours = (MEMORY_KIB, PASSES, LANES);
    let current = hash.algorithm == argon2::ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && (params.m_cost(), params.t_cost(), params.p_cost()) == ours;
    if current {
        Verdict::Match
    } else {
        Verdict::MatchRehash
    }
}

/// Takes as long as [`verify`] of one of our own hashes, and says nothing.
pub fn verify_dummy(password: &[u8]) {
    let password = password.get(..PASSWORD_BYTES_MAX).unwrap_or(password);
    let _ = std::hint::black_box(hash(password, [0; 16]));
}

fn readable(phc: &str) -> Option<(PasswordHash<'_>, Params)> {
    let hash = PasswordHash::new(phc).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let affordable = params.m_cost() <= MEMORY_KIB_MAX
        && params.t_cost() <= PASSES_MAX
        && params.p_cost() <= LANES_MAX;
    let complete = hash.salt.is_some() && hash.hash.is_some();
    (affordable && complete).then_some((hash, params))
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES));
    Ok(Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.map_err(|_| failed())?,
    ))
}

fn failed() -> Error {
    Error::Failed("hashing a password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_own_password_only() {
        let phc = hash(b"correct horse", [9; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(verify(b"correct horse", &phc), Verdict::Match);
        assert_eq!(verify(b"correct horsf", &phc), Verdict::Mismatch);
        assert_eq!(verify(b"", &phc), Verdict::Mismatch);
    }

    /// Source: the tests of the reference implementation, `phc-winner-argon2/src/test.c`, Argon2id version 19.
    #[test]
    fn another_cost_matches_and_asks_for_a_new_hash() {
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                   $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(verify(b"password", phc), Verdict::MatchRehash);
        assert_eq!(verify(b"differentpassword", phc), Verdict::Mismatch);
    }

    #[test]
    fn an_unreadable_or_unaffordable_hash_is_a_mismatch() {
        let check = |phc: &str| assert_eq!(verify(b"password", phc), Verdict::Mismatch);
        check("");
        check("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ");
        check("$scrypt$ln=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
        check(
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        );
    }

    #[test]
    fn a_password_has_at_most_4096_bytes() {
        assert_eq!(hash(&[b'a'; 4097], [0; 16]), Err(Error::PasswordTooLong));
        let phc = hash(&[b'a'; 4096], [0; 16]).unwrap();
        assert_eq!(verify(&[b'a'; 4096], &phc), Verdict::Match);
        assert_eq!(verify(&[b'a'; 4097], &phc), Verdict::Mismatch);
    }
}
