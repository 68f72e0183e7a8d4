//! A look at the credential before anything that costs: what nobody may ask is not decoded.
//!
//! Refuses only what its operation would refuse. Source: Firestore specification, section 5.

use axum::http::{HeaderMap, header};
use firekeep_api::{Core, Error};
use firekeep_model::{Caller, DatabaseId, DatabaseName};

use crate::Refusal;

/// The text behind `Bearer `. A header that says something else proves nothing, and is not nobody's.
///
/// # Errors
/// UNAUTHENTICATED.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(token);
    token.map(Some).ok_or_else(Refusal::unauthenticated)
}

/// The text behind `Bearer ` in a value of that header.
pub(crate) fn token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses, in safe mode, who can never be let in, whatever the request says: those without a credential, and those
/// whose credential proves nothing in the server's project.
///
/// # Errors
/// PERMISSION_DENIED, UNAUTHENTICATED; storage errors.
pub(crate) fn check(core: &Core, bearer: Option<&str>) -> Result<(), Refusal> {
    if core.has_emulator_endpoints() {
        return Ok(());
    }
    let Caller::Privileged { project } = core.owner() else {
        return Ok(());
    };
    let database = DatabaseName::new(project, DatabaseId::default());
    let checked = match bearer {
        Some(_) => core.documents_caller(bearer, &database).map(drop),
        None => Err(Error::PermissionDenied),
    };
    checked.map_err(|error| Refusal::of(error, &database))
}
