//! `POST v1/accounts:update`. Source: auth specification, section 15.5.

use firekeep_api::identity::WhoUpdates;
use firekeep_api::{AccountError, Change, Edit, Email, Phone, ProviderInfo};
use firekeep_model::Timestamp;
use firekeep_wire_http::Envelope;
use serde_json::Value;

use super::sign_up::edit;
use super::{Call, of_kind, put_tokens};
use crate::error::envelope;
use crate::record::{self, REDACTED};

/// The enum, in the order of its indexes.
const DELETE_ATTRIBUTE: &[&str] = &[
    "USER_ATTRIBUTE_NAME_UNSPECIFIED",
    "EMAIL",
    "DISPLAY_NAME",
    "PROVIDER",
    "PHOTO_URL",
    "PASSWORD",
    "RAW_USER_INFO",
];

pub(crate) async fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let fields = &call.fields;
    let privileged = call.is_privileged();
    let by_token = fields.has("idToken");
    if fields.has("oobCode") {
        return Err(Envelope::not_implemented("Out-of-band codes"));
    }
    if !privileged && !by_token {
        let message = "INVALID_REQ_TYPE : Unsupported request parameters.";
        return Err(Envelope::business(message));
    }
    if !privileged && fields.has("customAttributes") {
        return Err(Envelope::business("INSUFFICIENT_PERMISSION"));
    }
    let who = if by_token {
        let who = call.require_id_token(&pool)?;
        if fields.has("disableUser") {
            return Err(Envelope::business("OPERATION_NOT_ALLOWED"));
        }
        WhoUpdates::User(Box::new(who))
    } else {
        WhoUpdates::Admin(call.local_id()?)
    };
    let change = change(call, privileged)?;
    let password = fields.text("password")?;
    let updated = call
        .core
        .update_user(&pool, who, change, password)
        .await
        .map_err(envelope)?;
    let user = &updated.user;
    let mut body = of_kind("SetAccountInfoResponse");
    let mut put = |key: &str, value: Option<Value>| {
        body.extend(value.map(|value| (key.to_owned(), value)));
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
    let entries = user.provider_entries();
    put(
        "providerUserInfo",
        (!entries.is_empty()).then(|| record::providers(&entries)),
    );
    put(
        "passwordHash",
        user.password_hash.as_ref().map(|_| REDACTED.into()),
    );
    if let Some(tokens) = &updated.tokens {
        put_tokens(&mut body, tokens);
    }
    Ok(Value::Object(body))
}

/// The changes that the body asks for, in the order of their checks.
fn change(call: &Call<'_>, privileged: bool) -> Result<Change, Envelope> {
    let fields = &call.fields;
    let refuse = |error: AccountError| envelope(error.into());
    let mut change = Change::default();
    if privileged {
        change.custom_attributes = fields.string("customAttributes")?;
    }
    let deleted = fields.enums("deleteAttribute", DELETE_ATTRIBUTE)?;
    if deleted
        .iter()
        .any(|name| matches!(*name, "PROVIDER" | "RAW_USER_INFO"))
        || fields.has("provider")
        || fields.has("upgradeToFederatedLogin")
    {
        return Err(Envelope::not_implemented("This change"));
    }
    if fields
        .object("mfa")?
        .is_some_and(|mfa| mfa.has("enrollments"))
    {
        return Err(Envelope::not_implemented("Second factors"));
    }
    let email = fields.text("email")?;
    change.email = edit(
        email
            .as_deref()
            .map(Email::parse)
            .transpose()
            .map_err(refuse)?,
    );
    change.display_name = edit_or_clear(fields.string("displayName")?);
    change.photo_url = edit_or_clear(fields.string("photoUrl")?);
    if privileged {
        change.email_verified = fields.bool("emailVerified")?;
        change.disabled = fields.bool("disableUser")?;
        change.valid_since_secs = fields.int("validSince")?;
        change.created_at = fields.int("createdAt")?.map(Timestamp::from_millis);
        change.last_login_at = fields.int("lastLoginAt")?.map(Timestamp::from_millis);
        let phone = fields.text("phoneNumber")?;
        change.phone_number = edit(
            phone
                .as_deref()
                .map(Phone::parse)
                .transpose()
                .map_err(refuse)?,
        );
    } else if fields.has("validSince") {
        change.valid_since_secs = Some(call.core.now_secs());
    }
    for name in deleted {
        match name {
            "EMAIL" => change.email = Edit::Clear,
            "DISPLAY_NAME" => change.display_name = Edit::Clear,
            "PHOTO_URL" => change.photo_url = Edit::Clear,
            "PASSWORD" => change.password_hash = Edit::Clear,
            _ => {}
        }
    }
    change.delete_providers = fields.strings("deleteProvider")?;
    if let Some(link) = fields.object("linkProviderUserInfo")? {
        if !privileged {
            return Err(Envelope::business("INSUFFICIENT_PERMISSION"));
        }
        let missing = |code: &str| Envelope::business(code);
        let provider_id = link
            .text("providerId")?
            .ok_or_else(|| missing("MISSING_PROVIDER_ID"))?;
        let raw_id = link
            .text("rawId")?
            .ok_or_else(|| missing("MISSING_RAW_ID"))?;
        change.link_provider = Some(ProviderInfo {
            federated_id: Some(raw_id.clone()),
            provider_id,
            raw_id,
            email: link.text("email")?,
            display_name: link.text("displayName")?,
            photo_url: link.text("photoUrl")?,
            ..ProviderInfo::default()
        });
    }
    Ok(change)
}

/// COMPAT: an empty text removes what it stands for, as `updateProfile` of the JS SDK expects.
fn edit_or_clear(given: Option<String>) -> Edit<String> {
    match given {
        Some(text) if text.is_empty() => Edit::Clear,
        given => edit(given),
    }
}
