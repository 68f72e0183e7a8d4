//! The user record on the wire. Source: auth specification, sections 12 and 13.3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firekeep_api::{ProviderInfo, User};
use firekeep_model::Timestamp;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What stands for a password's hash: base64 of `REDACTED`.
pub(crate) const REDACTED: &str = "UkVEQUNURUQ=";

/// How a password's hash appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// As [`REDACTED`]: SDKs need to see that there is one.
    Redacted,
    /// As it is, with its salt: an export.
    Exported,
}

/// A user as `lookup` and `batchGet` give it.
pub(crate) fn user(user: &User, hash: Hash) -> Value {
    let mut record = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        record.extend(value.map(|value| (key.to_owned(), value)));
    };
    put("localId", Some(user.uid.as_str().into()));
    put(
        "email",
        user.email.as_ref().map(|email| email.as_str().into()),
    );
    put(
        "emailVerified",
        user.email.as_ref().map(|_| user.email_verified.into()),
    );
    put("displayName", user.display_name.as_deref().map(Value::from));
    put("photoUrl", user.photo_url.as_deref().map(Value::from));
    put(
        "phoneNumber",
        user.phone_number
            .as_ref()
            .map(|phone| phone.as_str().into()),
    );
    if let Some(phc) = &user.password_hash {
        let (shown, salt) = match hash {
            Hash::Redacted => (REDACTED.to_owned(), None),
            Hash::Exported => (STANDARD.encode(&phc.0), salt_of(&phc.0)),
        };
        put("passwordHash", Some(shown.into()));
        put("salt", salt.map(Value::from));
    }
    put(
        "passwordUpdatedAt",
        user.password_updated_at.map(|at| at.millis().into()),
    );
    let entries = user.provider_entries();
    put(
        "providerUserInfo",
        (!entries.is_empty()).then(|| providers(&entries)),
    );
    put(
        "validSince",
        user.valid_since_secs.map(|secs| secs.to_string().into()),
    );
    put("disabled", user.disabled.then_some(true.into()));
    put(
        "createdAt",
        Some(user.created_at.millis().to_string().into()),
    );
    put(
        "lastLoginAt",
        user.last_login_at.map(|at| at.millis().to_string().into()),
    );
    put(
        "lastRefreshAt",
        user.last_refresh_at.and_then(rfc3339).map(Value::from),
    );
    put("customAuth", user.custom_auth.then_some(true.into()));
    let claims = user.custom_attributes.clone();
    put(
        "customAttributes",
        claims.map(|claims| Value::Object(claims).to_string().into()),
    );
    put(
        "emailLinkSignin",
        user.email_link_signin.then_some(true.into()),
    );
    put(
        "initialEmail",
        user.initial_email
            .as_ref()
            .map(|email| email.as_str().into()),
    );
    Value::Object(record)
}

/// Provider entries.
pub(crate) fn providers(entries: &[ProviderInfo]) -> Value {
    let one = |entry: &ProviderInfo| serde_json::to_value(entry).unwrap_or_default();
    Value::Array(entries.iter().map(one).collect())
}

/// The salt inside a PHC string, as the padded base64 of the wire.
fn salt_of(phc: &str) -> Option<String> {
    let salt = phc.rsplit('$').nth(1)?;
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(salt)
        .ok()?;
    Some(STANDARD.encode(bytes))
}

fn rfc3339(at: Timestamp) -> Option<String> {
    let nanos = i128::from(at.millis()).checked_mul(1_000_000)?;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()?
        .format(&Rfc3339)
        .ok()
}
