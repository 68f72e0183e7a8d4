//! Service-account key files: Google's JSON, read and written (auth specification, section 5.1).

use firekeep_crypto::rsa::PrivateKey;
use firekeep_crypto::{digest, jws};
use firekeep_model::{OpContext, ProjectId};
use serde::{Deserialize, Serialize};

use crate::Error;

const TYPE: &str = "service_account";
const AUTH_URI: &str = "https://accounts.google.com/o/oauth2/auth";
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const PROVIDER_CERTIFICATES: &str = "https://www.googleapis.com/oauth2/v1/certs";
const UNIVERSE: &str = "googleapis.com";
/// The most characters of a `client_email`; Google's have at most 92.
const EMAIL_CHARS_MAX: usize = 254;
const CLIENT_ID_DIGITS: usize = 21;

/// A service account with its private key. Its `Debug` does not show the key.
#[derive(Debug)]
pub struct KeyFile {
    /// The project that the account belongs to.
    pub project_id: String,
    /// The key's id: `kid` of what some SDKs sign with it.
    pub private_key_id: String,
    /// The key.
    pub private_key: PrivateKey,
    /// The account's name.
    pub client_email: String,
    /// The account's number; 21 digits.
    pub client_id: String,
    /// Where people would log in; no SDK uses it with a key file.
    pub auth_uri: String,
    /// Where SDKs other than Node's exchange assertions for access tokens.
    pub token_uri: String,
    /// Certificates of `auth_uri`; no SDK uses it.
    pub auth_provider_x509_cert_url: String,
    /// Where the account's certificates are published.
    pub client_x509_cert_url: String,
    /// `googleapis.com`.
    pub universe_domain: String,
}

/// The file as it stands in JSON, in Google's order. COMPAT: the Node SDK also takes camel case.
#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(alias = "projectId")]
    project_id: String,
    #[serde(default, alias = "privateKeyId")]
    private_key_id: Option<String>,
    #[serde(alias = "privateKey")]
    private_key: String,
    #[serde(alias = "clientEmail")]
    client_email: String,
    #[serde(default, alias = "clientId")]
    client_id: Option<String>,
    #[serde(default, alias = "authUri")]
    auth_uri: Option<String>,
    #[serde(default, alias = "tokenUri")]
    token_uri: Option<String>,
    #[serde(default, alias = "authProviderX509CertUrl")]
    auth_provider_x509_cert_url: Option<String>,
    #[serde(default, alias = "clientX509CertUrl", alias = "clientC509CertUrl")]
    client_x509_cert_url: Option<String>,
    #[serde(default, alias = "universeDomain")]
    universe_domain: Option<String>,
}

impl KeyFile {
    /// Reads a key file: ours, Google's, or one with only what the Node SDK needs.
    ///
    /// # Errors
    /// [`Error::KeyFile`] with what is wrong; never with any part of the key.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let json: Json = serde_json::from_str(json).map_err(|error| unreadable(&error))?;
        if json.kind.as_deref().is_some_and(|kind| kind != TYPE) {
            return Err(refused("its `type` is not `service_account`"));
        }
        if ProjectId::parse(&json.project_id).is_err() {
            return Err(refused("its `project_id` is not a project's id"));
        }
        if !is_email(&json.client_email) {
            return Err(refused("its `client_email` is not an email address"));
        }
        let private_key = PrivateKey::from_pkcs8_pem(&json.private_key)
            .map_err(|error| refused(&format!("its `private_key`: {error}")))?;
        let private_key_id = json
            .private_key_id
            .unwrap_or_else(|| digest::sha1_hex(&private_key.public().to_der()));
        if !jws::is_kid(&private_key_id) {
            return Err(refused("its `private_key_id` is not a key's id"));
        }
        let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
        Ok(Self {
            project_id: json.project_id,
            private_key_id,
            private_key,
            client_email: json.client_email,
            client_id: json.client_id.unwrap_or_default(),
            auth_uri: or(json.auth_uri, AUTH_URI),
            token_uri: or(json.token_uri, TOKEN_URI),
            auth_provider_x509_cert_url: or(
                json.auth_provider_x509_cert_url,
                PROVIDER_CERTIFICATES,
            ),
            client_x509_cert_url: json.client_x509_cert_url.unwrap_or_default(),
            universe_domain: or(json.universe_domain, UNIVERSE),
        })
    }

    /// The file's text: Google's fields in Google's order. It holds the private key.
    ///
    /// # Panics
    /// Never: a struct of strings is JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let some = |text: &str| Some(text.to_owned());
        let json = Json {
            kind: some(TYPE),
            project_id: self.project_id.clone(),
            private_key_id: some(&self.private_key_id),
            private_key: self.private_key.to_pkcs8_pem(),
            client_email: self.client_email.clone(),
            client_id: some(&self.client_id),
            auth_uri: some(&self.auth_uri),
            token_uri: some(&self.token_uri),
            auth_provider_x509_cert_url: some(&self.auth_provider_x509_cert_url),
            client_x509_cert_url: some(&self.client_x509_cert_url),
            universe_domain: some(&self.universe_domain),
        };
        let mut text = serde_json::to_string_pretty(&json).expect("a struct of strings is JSON");
        text.push('\n');
        text
    }

    /// Makes a service account `name` of a project with a new key, whose URLs point to the server at `base_url`.
    ///
    /// # Errors
    /// [`Error::KeyFile`] when `name` cannot stand before the `@`; [`Error::Crypto`].
    pub fn generate(
        project: &ProjectId,
        name: &str,
        base_url: &str,
        cx: &mut OpContext<'_>,
    ) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(allowed) {
            return Err(refused(
                "a name is 1 to 63 of lower-case letters, digits and `-`",
            ));
        }
        // COMPAT: Google's name for an account of the domain-scoped project `example.com:app`.
        let domain = match project.as_str().split_once(':') {
            Some((domain, id)) => format!("{}.{domain}", id.replace(':', ".")),
            None => project.as_str().to_owned(),
        };
        let client_email = format!("{name}@{domain}.iam.gserviceaccount.com");
        let base_url = base_url.trim_end_matches('/');
        // The key itself comes from the operating system's randomness: no algorithm here takes another.
        let private_key = PrivateKey::generate()?;
        Ok(Self {
            project_id: project.as_str().to_owned(),
            private_key_id: digest::sha1_hex(&private_key.public().to_der()),
            private_key,
            client_id: client_id(cx),
            auth_uri: AUTH_URI.to_owned(),
            token_uri: format!("{base_url}/oauth2.googleapis.com/token"),
            auth_provider_x509_cert_url: PROVIDER_CERTIFICATES.to_owned(),
            client_x509_cert_url: format!(
                "{base_url}/www.googleapis.com/robot/v1/metadata/x509/{}",
                client_email.replace('@', "%40")
            ),
            client_email,
            universe_domain: UNIVERSE.to_owned(),
        })
    }
}

/// 21 digits, the first of them `1`, as Google's are.
fn client_id(cx: &mut OpContext<'_>) -> String {
    let mut bytes = [0u8; CLIENT_ID_DIGITS - 1];
    cx.rng.fill(&mut bytes);
    // An opaque number: that some digits are a little more likely does not matter.
    let digits = bytes.iter().map(|byte| char::from(b'0' + byte % 10));
    std::iter::once('1').chain(digits).collect()
}

fn is_email(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    let parts = text.split_once('@');
    parts.is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@')
    }) && text.chars().all(plain)
        && text.chars().count() <= EMAIL_CHARS_MAX
}

/// Says where the JSON is wrong. serde's own text may quote a value, so only a missing field's name is taken from it.
fn unreadable(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let field = ["project_id", "private_key", "client_email"]
        .into_iter()
        .find(|field| text.starts_with(&format!("missing field `{field}`")));
    match field {
        Some(field) => refused(&format!("it has no `{field}`")),
        None => refused(&format!(
            "it is not the JSON of a service account (line {}, column {})",
            error.line(),
            error.column()
        )),
    }
}

fn refused(reason: &str) -> Error {
    Error::KeyFile(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use firekeep_model::{Rng, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    const GOOGLE: &str = include_str!("../tests/data/key_file.json");

    struct Sevens;

    impl Rng for Sevens {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn google() -> Value {
        serde_json::from_str(GOOGLE).unwrap()
    }

    #[track_caller]
    fn refuse(edit: impl FnOnce(&mut Value), word: &str) {
        let mut file = google();
        edit(&mut file);
        match KeyFile::parse(&file.to_string()) {
            Err(Error::KeyFile(reason)) => assert!(reason.contains(word), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_google_key_file_round_trips_to_the_byte() {
        assert_eq!(KeyFile::parse(GOOGLE).unwrap().to_json(), GOOGLE);
    }

    #[test]
    fn the_three_fields_that_node_needs_are_enough_in_either_case() {
        let pem = google()["private_key"].clone();
        let snake = json!({"project_id": "p", "private_key": pem, "client_email": "a@b"});
        let camel = json!({"projectId": "p", "privateKey": pem, "clientEmail": "a@b"});
        for file in [snake, camel] {
            let file = KeyFile::parse(&file.to_string()).unwrap();
            assert_eq!(
                (file.project_id.as_str(), file.client_email.as_str()),
                ("p", "a@b")
            );
            assert_eq!(file.private_key_id.len(), 40);
            assert_eq!(file.token_uri, TOKEN_URI);
        }
    }

    #[test]
    fn a_generated_file_points_to_the_server_and_round_trips() {
        let mut cx = OpContext {
            now: Timestamp::default(),
            rng: &mut Sevens,
        };
        let project = ProjectId::parse("my-app").unwrap();
        let file = KeyFile::generate(
            &project,
            "firekeep-admin",
            "https://fk.example.com/",
            &mut cx,
        )
        .unwrap();
        let text = file.to_json();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["type"], "service_account");
        assert_eq!(
            json["client_email"],
            "firekeep-admin@my-app.iam.gserviceaccount.com"
        );
        assert_eq!(json["client_id"], "177777777777777777777");
        assert_eq!(
            json["token_uri"],
            "https://fk.example.com/oauth2.googleapis.com/token"
        );
        assert_eq!(
            json["client_x509_cert_url"],
            "https://fk.example.com/www.googleapis.com/robot/v1/metadata/x509/\
             firekeep-admin%40my-app.iam.gserviceaccount.com"
        );
        assert_eq!(json.as_object().unwrap().len(), 11);
        let read = KeyFile::parse(&text).unwrap();
        assert_eq!(read.private_key.public(), file.private_key.public());
        assert_eq!(read.to_json(), text);
    }

    #[test]
    fn a_domain_scoped_project_has_a_dotted_account() {
        let mut cx = OpContext {
            now: Timestamp::default(),
            rng: &mut Sevens,
        };
        let project = ProjectId::parse("example.com:app").unwrap();
        let file = KeyFile::generate(&project, "a", "http://localhost", &mut cx).unwrap();
        assert_eq!(
            file.client_email,
            "a@app.example.com.iam.gserviceaccount.com"
        );
        assert!(KeyFile::generate(&project, "a@b", "http://localhost", &mut cx).is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        refuse(|file| file["type"] = json!("authorized_user"), "`type`");
        refuse(|file| file["project_id"] = json!("a/b"), "`project_id`");
        refuse(
            |file| file["client_email"] = json!("nobody"),
            "`client_email`",
        );
        refuse(
            |file| file["client_email"] = json!("a@b\n"),
            "`client_email`",
        );
        refuse(
            |file| file["private_key"] = json!("secret"),
            "`private_key`",
        );
        refuse(
            |file| file["private_key_id"] = json!("../x"),
            "`private_key_id`",
        );
        for field in ["project_id", "private_key", "client_email"] {
            refuse(
                |file| drop(file.as_object_mut().unwrap().remove(field)),
                field,
            );
        }
        refuse(|file| file["private_key"] = json!(1), "line 1");
        refuse(|file| *file = json!([]), "JSON");
    }

    #[test]
    fn no_text_shows_the_key() {
        let file = KeyFile::parse(GOOGLE).unwrap();
        assert!(!format!("{file:?}").contains("BEGIN"));
        let wrong = GOOGLE.replace("\"universe_domain\"", "\"x\": 1 \"");
        let error = KeyFile::parse(&wrong).unwrap_err().to_string();
        assert!(!error.contains("BEGIN"), "{error}");
    }
}
