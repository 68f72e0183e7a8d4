//! Resume tokens: what is read as one is what is written of it, byte for byte, and what else comes begins anew.
//!
//! Input: the token.

#![no_main]

use firekeep_documents::watch::{Incarnation, Resume, ResumeToken, Start};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let token = ResumeToken::decode(data);
    if let Some(token) = token {
        assert_eq!(token.encode(), data);
    }
    let resume = Resume::Token(data.to_vec().into());
    for incarnation in [Incarnation([7; 16]), token.map_or(Incarnation([0; 16]), |it| it.incarnation)] {
        let start = resume.start(incarnation, Some(3));
        let known = token.filter(|token| token.incarnation == incarnation);
        assert_eq!(matches!(start, Start::After { .. }), known.is_some());
        assert_eq!(start == Start::Lost, known.is_none());
    }
});
