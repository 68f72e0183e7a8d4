//! Stored users, and the texts that name them: what is read is written the same.

#![no_main]

use firekeep_accounts::{Email, Phone, User, Username};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(data);
    // The format's byte in front, so that the JSON behind it is always reached.
    check(&[&[1], data].concat());
    if let Ok(text) = std::str::from_utf8(data) {
        names_are_canonical(text);
    }
});

fn check(data: &[u8]) {
    let Ok(user) = User::decode(data) else {
        return;
    };
    let bytes = user.encode().expect("a user can be written");
    let again = User::decode(&bytes).expect("what we write can be read");
    assert_eq!(again, user);
    assert_eq!(again.encode().expect("a user can be written"), bytes);
    let entries = user.provider_entries();
    assert!(entries.starts_with(&user.providers));
    let ids: usize = user
        .identities()
        .values()
        .filter_map(|ids| Some(ids.as_array()?.len()))
        .sum();
    let named = usize::from(user.email.is_some()) + usize::from(user.phone_number.is_some());
    assert_eq!(ids, user.providers.len() + named);
}

fn names_are_canonical(text: &str) {
    if let Ok(email) = Email::parse(text) {
        assert_eq!(Email::parse(email.as_str()).as_ref().ok(), Some(&email));
        assert!(!email.as_str().contains('\0'));
    }
    if let Ok(phone) = Phone::parse(text) {
        assert_eq!(phone.as_str(), text);
    }
    if let Ok(name) = Username::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(Username::parse(&name.folded()).is_ok_and(|again| again.folded() == name.folded()));
    }
}
