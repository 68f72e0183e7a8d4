//! Safe mode and dev mode: two objects that differ, and nothing else does (auth specification, section 3).
//!
//! The verifier judges tokens, the authenticator judges administrators. They are chosen once, when the server is put
//! together; no handler asks which mode it runs in.

use firekeep_model::{ProjectId, Timestamp};
use firekeep_token::custom::{self, ServiceAccounts, Verified};
use firekeep_token::{Error, id};

use crate::Core;
use crate::keyring::Keyring;

/// Which of the two a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The default: real tokens, real administrators.
    Safe,
    /// For a developer's machine: anybody who reaches the server is an administrator.
    Dev,
}

impl Mode {
    /// `safe` or `dev`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Dev => "dev",
        }
    }

    pub(crate) fn policy(self) -> Box<dyn Policy> {
        match self {
            Self::Safe => Box::new(Safe),
            Self::Dev => Box::new(Dev),
        }
    }
}

/// What a mode decides.
pub(crate) trait Policy: Send + Sync {
    fn mode(&self) -> Mode;

    /// Judges a custom token.
    fn custom_token(
        &self,
        token: &str,
        accounts: &dyn ServiceAccounts,
        now: Timestamp,
        tenant: Option<&str>,
    ) -> Result<Verified, Error>;

    /// Judges an ID token's form, signature and times; its user is judged elsewhere.
    fn id_token(
        &self,
        token: &str,
        project: &ProjectId,
        keys: &Keyring,
        now: Timestamp,
    ) -> Result<id::IdClaims, Error>;

    /// Whether a bearer text is an administrator without further proof.
    fn admits(&self, bearer: &str) -> bool;

    /// Whether any API key names the default project, and any project id is served.
    fn open(&self) -> bool;

    /// Whether a sign-in hides if an account exists (auth specification, section 22.2).
    fn hides_accounts(&self) -> bool;

    /// Whether the emulator's own endpoints are there (auth specification, section 18).
    fn has_emulator_endpoints(&self) -> bool;
}

impl Core {
    /// Whether ID tokens of that project are issued here.
    #[must_use]
    pub fn serves(&self, project: &str) -> bool {
        self.policy.open() || self.default_pool().project.as_str() == project
    }

    /// Whether the emulator's own endpoints are there.
    #[must_use]
    pub fn has_emulator_endpoints(&self) -> bool {
        self.policy.has_emulator_endpoints()
    }
}

struct Safe;

impl Policy for Safe {
    fn mode(&self) -> Mode {
        Mode::Safe
    }

    fn custom_token(
        &self,
        token: &str,
        accounts: &dyn ServiceAccounts,
        now: Timestamp,
        tenant: Option<&str>,
    ) -> Result<Verified, Error> {
        custom::verify(token, accounts, now, tenant)
    }

    fn id_token(
        &self,
        token: &str,
        project: &ProjectId,
        keys: &Keyring,
        now: Timestamp,
    ) -> Result<id::IdClaims, Error> {
        id::verify(token, project, &|kid| keys.id_token_key(kid), now)
    }

    fn admits(&self, _bearer: &str) -> bool {
        false
    }

    fn open(&self) -> bool {
        false
    }

    fn hides_accounts(&self) -> bool {
        true
    }

    fn has_emulator_endpoints(&self) -> bool {
        false
    }
}

struct Dev;

impl Policy for Dev {
    fn mode(&self) -> Mode {
        Mode::Dev
    }

    fn custom_token(
        &self,
        token: &str,
        accounts: &dyn ServiceAccounts,
        now: Timestamp,
        tenant: Option<&str>,
    ) -> Result<Verified, Error> {
        // COMPAT: emulator-mode Admin SDKs make unsigned tokens; scripts send a bare JSON object.
        if custom::is_unsigned(token) {
            return custom::verify_unsigned(token, now);
        }
        custom::verify(token, accounts, now, tenant)
    }

    fn id_token(
        &self,
        token: &str,
        project: &ProjectId,
        keys: &Keyring,
        now: Timestamp,
    ) -> Result<id::IdClaims, Error> {
        if custom::is_unsigned(token) {
            return id::verify_unsigned(token, project, now);
        }
        Safe.id_token(token, project, keys, now)
    }

    fn admits(&self, bearer: &str) -> bool {
        // COMPAT: what emulator-mode Admin SDKs and the Firebase CLI send.
        bearer == "owner" || bearer.starts_with("ya29.")
    }

    fn open(&self) -> bool {
        true
    }

    fn hides_accounts(&self) -> bool {
        false
    }

    fn has_emulator_endpoints(&self) -> bool {
        true
    }
}
