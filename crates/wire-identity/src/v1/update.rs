//! `POST v1/accounts:update`. Source: auth specification, section 15.5.

use firekeep_api::identity::Update;
use firekeep_api::{Edit, ProviderInfo};
use firekeep_model::Timestamp;
use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind, put_tokens, target};
use crate::error::envelope;
use crate::record::{self, REDACTED};

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &[
    "targetProjectId",
    "tenantId",
    "idToken",
    "oobCode",
    "localId",
    "email",
    "emailVerified",
    "password",
    "displayName",
    "photoUrl",
    "phoneNumber",
    "disableUser",
    "customAttributes",
    "validSince",
    "createdAt",
    "lastLoginAt",
    "deleteAttribute",
    "deleteProvider",
    "linkProviderUserInfo",
    "mfa",
    "provider",
    "upgradeToFederatedLogin",
];

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

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let update = read(&fields)?;
    drop(fields);
    let updated = call
        .core
        .update_user(&call.caller, call.place(), call.request.client, update)
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

/// What the body asks for.
fn read(fields: &Fields) -> Result<Update, Envelope> {
    let deleted = fields.enums("deleteAttribute", DELETE_ATTRIBUTE)?;
    let mut update = Update {
        target: target(fields)?,
        email: edit(fields.text("email")?),
        password: edit(fields.text("password")?),
        display_name: edit_or_clear(fields.string("displayName")?),
        photo_url: edit_or_clear(fields.string("photoUrl")?),
        valid_since_secs: fields.int("validSince")?,
        delete_providers: fields.strings("deleteProvider")?,
        link_provider: link(fields)?,
        custom_attributes: fields.string("customAttributes")?,
        disabled: fields.bool("disableUser")?,
        email_verified: fields.bool("emailVerified")?,
        phone_number: fields.text("phoneNumber")?,
        created_at: fields.int("createdAt")?.map(Timestamp::from_millis),
        last_login_at: fields.int("lastLoginAt")?.map(Timestamp::from_millis),
        not_enabled: not_enabled(fields, &deleted)?,
    };
    for name in deleted {
        match name {
            "EMAIL" => update.email = Edit::Clear,
            "DISPLAY_NAME" => update.display_name = Edit::Clear,
            "PHOTO_URL" => update.photo_url = Edit::Clear,
            "PASSWORD" => update.password = Edit::Clear,
            _ => {}
        }
    }
    Ok(update)
}

/// What the body asks for that this server does not do.
fn not_enabled(fields: &Fields, deleted: &[&str]) -> Result<Option<&'static str>, Envelope> {
    let unknown = |name: &&str| matches!(*name, "PROVIDER" | "RAW_USER_INFO");
    let mfa = fields.object("mfa")?;
    Ok(if fields.has("oobCode") {
        Some("Out-of-band codes")
    } else if deleted.iter().any(unknown)
        || fields.has("provider")
        || fields.has("upgradeToFederatedLogin")
    {
        Some("This change")
    } else if mfa.is_some_and(|mfa| mfa.has("enrollments")) {
        Some("Second factors")
    } else {
        None
    })
}

/// The identity to link.
fn link(fields: &Fields) -> Result<Option<ProviderInfo>, Envelope> {
    let Some(link) = fields.object("linkProviderUserInfo")? else {
        return Ok(None);
    };
    let raw_id = link.text("rawId")?;
    Ok(Some(ProviderInfo {
        provider_id: link.text("providerId")?.unwrap_or_default(),
        raw_id: raw_id.clone().unwrap_or_default(),
        federated_id: raw_id,
        email: link.text("email")?,
        display_name: link.text("displayName")?,
        photo_url: link.text("photoUrl")?,
        ..ProviderInfo::default()
    }))
}

/// A member that is given sets the field; an absent one keeps it.
fn edit<T>(given: Option<T>) -> Edit<T> {
    given.map_or(Edit::Keep, Edit::Set)
}

/// COMPAT: an empty text removes what it stands for, as `updateProfile` of the JS SDK expects.
fn edit_or_clear(given: Option<String>) -> Edit<String> {
    match given {
        Some(text) if text.is_empty() => Edit::Clear,
        given => edit(given),
    }
}
