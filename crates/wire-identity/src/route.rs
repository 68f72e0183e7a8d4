//! Which operation a host and path name. Source: auth specification, sections 4.1, 10, 14, 17 and 19.

use axum::http::Method;
use firekeep_wire_http::{Host, Incoming};

use crate::account::endpoints::{self, Endpoint};

/// An operation of this crate.
pub(crate) enum Route {
    /// An operation of the account server.
    Account(&'static Endpoint),
    /// An operation of the account server that needs mail, which is not enabled.
    AccountMail,
    /// A command of the command line.
    Admin,
    /// Public keys.
    Keys(Keys),
    /// The OAuth token endpoint.
    OAuthToken,
    /// The account server's description.
    OpenApi,
    /// Token refresh.
    SecureToken,
    /// Identity Toolkit.
    V1 {
        operation: Operation,
        project: Option<String>,
        tenant: Option<String>,
    },
    /// In the protocol, but not enabled here: its name.
    NotEnabled(String),
    /// An endpoint of the emulator's own, which only dev mode has: its name.
    EmulatorOnly(String),
}

/// Public keys, in one of their forms.
pub(crate) struct Keys {
    /// Whose they are.
    pub(crate) of: KeysOf,
    /// How they are told.
    pub(crate) form: KeysForm,
}

/// Whose keys.
pub(crate) enum KeysOf {
    /// The server's, which sign ID tokens.
    IdTokens,
    /// The service account's of that name.
    ServiceAccount(String),
}

/// The form of a set of public keys.
pub(crate) enum KeysForm {
    /// `kid` → PEM certificate.
    Certificates,
    /// A JWK set.
    Jwks,
    /// Where the JWK set is, for ID tokens of that project.
    Discovery { project: String },
}

/// An operation of Identity Toolkit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    BatchDelete,
    BatchGet,
    Delete,
    Lookup,
    Projects,
    RecaptchaConfig,
    RecaptchaParams,
    PasswordPolicy,
    SignInWithCustomToken,
    SignInWithPassword,
    SignUp,
    Update,
}

/// Operations of `v1/accounts:` that answer "not enabled" until their issue.
const NOT_ENABLED: &[&str] = &[
    "createAuthUri",
    "resetPassword",
    "sendOobCode",
    "sendVerificationCode",
    "signInWithEmailLink",
    "signInWithIdp",
    "signInWithPhoneNumber",
    "batchCreate",
    "query",
    "queryAccounts",
];

impl Route {
    /// The operation of a request.
    pub(crate) fn find(request: &Incoming) -> Option<Self> {
        let path = request.path.as_str();
        match request.host {
            Host::IdentityToolkit => toolkit(&request.method, path),
            Host::SecureToken => secure_token(&request.method, path),
            Host::Www => www(&request.method, path),
            Host::OAuth2 => oauth(&request.method, path),
            Host::Discovery => discovery(path),
            Host::Firestore => None,
            Host::Own => own(&request.method, path),
        }
    }
}

/// Our own paths, and the bare form of every host's.
fn own(method: &Method, path: &str) -> Option<Route> {
    let post = *method == Method::POST;
    if let Some(rest) = path.strip_prefix(endpoints::PREFIX) {
        return match rest {
            "openapi.json" => Some(Route::OpenApi),
            "password/forgot" | "password/reset" if post => Some(Route::AccountMail),
            _ => Endpoint::find(method, rest).map(Route::Account),
        };
    }
    if let Some(rest) = path.strip_prefix("emulator/") {
        return emulator(method, rest);
    }
    match path {
        ".well-known/jwks.json" => id_token_keys(KeysForm::Jwks),
        "firekeep/v1/admin" if post => Some(Route::Admin),
        _ => secure_token(method, path)
            .or_else(|| toolkit(method, path))
            .or_else(|| www(method, path))
            .or_else(|| oauth(method, path))
            .or_else(|| discovery(path)),
    }
}

/// Source: auth specification, section 18.
fn emulator(method: &Method, path: &str) -> Option<Route> {
    let get = *method == Method::GET;
    let known = match path {
        "openapi.json" | "action" | "auth/handler" | "auth/iframe" => get,
        _ => match path.strip_prefix("v1/projects/")?.rsplit_once('/')?.1 {
            "accounts" => *method == Method::DELETE,
            "config" => get || *method == Method::PATCH,
            "oobCodes" | "verificationCodes" => get,
            _ => false,
        },
    };
    known.then(|| Route::EmulatorOnly(format!("emulator/{path}")))
}

fn secure_token(method: &Method, path: &str) -> Option<Route> {
    (*method == Method::POST && path == "v1/token").then_some(Route::SecureToken)
}

/// `accounts.google.com` has the same by a longer name.
fn oauth(method: &Method, path: &str) -> Option<Route> {
    let known = matches!(path, "token" | "o/oauth2/token");
    (*method == Method::POST && known).then_some(Route::OAuthToken)
}

fn toolkit(method: &Method, path: &str) -> Option<Route> {
    let plain = |operation| {
        Some(Route::V1 {
            operation,
            project: None,
            tenant: None,
        })
    };
    let (version, rest) = path.split_once('/')?;
    match (version, rest) {
        ("v1", "publicKeys" | "sessionCookiePublicKeys") => {
            return Some(Route::NotEnabled("Session cookies".to_owned()));
        }
        ("v1", "projects") if *method == Method::GET => return plain(Operation::Projects),
        ("v1", "recaptchaParams") => return plain(Operation::RecaptchaParams),
        ("v2", "recaptchaConfig") => return plain(Operation::RecaptchaConfig),
        ("v2", "passwordPolicy") => return plain(Operation::PasswordPolicy),
        ("v2", rest) if rest.starts_with("accounts") || rest.starts_with("projects/") => {
            return Some(Route::NotEnabled(rest.to_owned()));
        }
        ("v1", _) => {}
        _ => return None,
    }
    if let Some(name) = rest.strip_prefix("accounts:") {
        return named(method, name, None, None);
    }
    let rest = rest.strip_prefix("projects/")?;
    match rest.rsplit_once(':') {
        Some((project, "createSessionCookie")) if !project.contains('/') => {
            return Some(Route::NotEnabled("Session cookies".to_owned()));
        }
        Some((project, "queryAccounts")) if !project.contains('/') => {
            return Some(Route::NotEnabled("queryAccounts".to_owned()));
        }
        _ => {}
    }
    let (project, rest) = rest.split_once('/')?;
    let (tenant, rest) = match rest.strip_prefix("tenants/") {
        Some(rest) => {
            let (tenant, rest) = rest.split_once('/')?;
            (Some(tenant), rest)
        }
        None => (None, rest),
    };
    let name = match rest {
        "accounts" => "signUp",
        _ => rest.strip_prefix("accounts:")?,
    };
    named(method, name, Some(project), tenant)
}

fn named(
    method: &Method,
    name: &str,
    project: Option<&str>,
    tenant: Option<&str>,
) -> Option<Route> {
    let post = *method == Method::POST;
    let operation = match name {
        "batchGet" if *method == Method::GET => Operation::BatchGet,
        _ if !post => return None,
        "batchDelete" => Operation::BatchDelete,
        "delete" => Operation::Delete,
        "lookup" => Operation::Lookup,
        "signInWithCustomToken" => Operation::SignInWithCustomToken,
        "signInWithPassword" => Operation::SignInWithPassword,
        "signUp" => Operation::SignUp,
        "update" => Operation::Update,
        _ if NOT_ENABLED.contains(&name) => {
            return Some(Route::NotEnabled(format!("accounts:{name}")));
        }
        _ => return None,
    };
    let (project, tenant) = (project.map(str::to_owned), tenant.map(str::to_owned));
    Some(Route::V1 {
        operation,
        project,
        tenant,
    })
}

/// COMPAT: the iOS SDK uses the v3 names for every v1 call (auth specification, section 19).
fn www(method: &Method, path: &str) -> Option<Route> {
    if path == "oauth2/v4/token" {
        return oauth(method, "token");
    }
    if let Some(name) = path.strip_prefix("identitytoolkit/v3/relyingparty/") {
        let v1 = match name {
            "createAuthUri" => "createAuthUri",
            "deleteAccount" => "delete",
            "emailLinkSignin" => "signInWithEmailLink",
            "getAccountInfo" => "lookup",
            "getOobConfirmationCode" => "sendOobCode",
            "getProjectConfig" => return toolkit(&Method::GET, "v1/projects"),
            "getRecaptchaParam" => return toolkit(&Method::GET, "v1/recaptchaParams"),
            "publicKeys" => return toolkit(&Method::GET, "v1/publicKeys"),
            "resetPassword" => "resetPassword",
            "sendVerificationCode" => "sendVerificationCode",
            "setAccountInfo" => "update",
            "signupNewUser" => "signUp",
            "verifyAssertion" => "signInWithIdp",
            "verifyCustomToken" => "signInWithCustomToken",
            "verifyPassword" => "signInWithPassword",
            "verifyPhoneNumber" => "signInWithPhoneNumber",
            "downloadAccount" | "uploadAccount" | "signOutUser" => {
                return Some(Route::NotEnabled(name.to_owned()));
            }
            _ => return None,
        };
        return named(method, v1, None, None);
    }
    let (form, account) = [
        ("robot/v1/metadata/x509/", KeysForm::Certificates),
        ("service_accounts/v1/metadata/x509/", KeysForm::Certificates),
        ("service_accounts/v1/jwk/", KeysForm::Jwks),
        ("service_accounts/v1/metadata/jwk/", KeysForm::Jwks),
    ]
    .into_iter()
    .find_map(|(prefix, form)| Some((form, path.strip_prefix(prefix)?)))?;
    let of = match account {
        "securetoken@system.gserviceaccount.com" => KeysOf::IdTokens,
        _ => KeysOf::ServiceAccount(account.to_owned()),
    };
    Some(Route::Keys(Keys { of, form }))
}

fn discovery(path: &str) -> Option<Route> {
    let project = path.strip_suffix("/.well-known/openid-configuration")?;
    let project = project.to_owned();
    id_token_keys(KeysForm::Discovery { project })
}

fn id_token_keys(form: KeysForm) -> Option<Route> {
    let of = KeysOf::IdTokens;
    Some(Route::Keys(Keys { of, form }))
}
