//! The project: its ids, its API keys, its settings. One row.

use firekeep_model::{OpContext, ProjectId};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use firekeep_token::id::ISSUER_PREFIX;
use serde::{Deserialize, Serialize};

use crate::{Error, Mode, Options};

const ROW: &[u8] = b"project";
/// The project of a data folder that names none.
const DEFAULT_ID: &str = "firekeep";
/// The same in dev mode. Source: architecture, section 4.
const DEFAULT_ID_DEV: &str = "demo-firekeep";
/// Where clients reach a server that never ran: where it listens unless told otherwise.
pub const BASE_URL_DEFAULT: &str = "http://127.0.0.1:7070";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) api_keys: Vec<String>,
    /// `dev` once the data folder was used in dev mode: its accounts may be forged.
    pub(crate) made_in: String,
    /// Where clients reached the server when it ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
}

/// A project, as `firekeep project show` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSummary {
    /// The project's id.
    pub project_id: String,
    /// The project's number, in decimal.
    pub project_number: String,
    /// The API keys that clients may send.
    pub api_keys: Vec<String>,
    /// `safe` or `dev`.
    pub mode: &'static str,
    /// Where clients reach the server.
    pub base_url: String,
    /// The keys that verify ID tokens.
    pub jwks_url: String,
    /// Who ID tokens say they are from (`iss`).
    pub issuer: String,
    /// The account server.
    pub account_server_url: String,
    /// The account server's description.
    pub open_api_url: String,
}

impl Project {
    /// Loads the project, or makes it: the first start of a data folder.
    ///
    /// # Errors
    /// [`Error::MadeInDevMode`]; [`Error::Invalid`] when the folder holds another project than the one wanted.
    pub(crate) fn open(
        tx: &mut WriteTx<'_>,
        cx: &mut OpContext<'_>,
        options: &Options,
    ) -> Result<Self, Error> {
        let found = Self::find(tx)?;
        let mut project = match found.clone() {
            Some(project) => project.admit(tx, options)?,
            None => Self::new(cx, options),
        };
        if let Some(url) = &options.base_url {
            project.base_url = Some(url.clone());
        }
        if found.as_ref() != Some(&project) {
            project.save(tx)?;
        }
        Ok(project)
    }

    /// Refuses what the folder must not be used for.
    fn admit(mut self, tx: &dyn Read, options: &Options) -> Result<Self, Error> {
        let (safe, dev) = (Mode::Safe.as_str(), Mode::Dev.as_str());
        if options.mode == Mode::Safe && self.made_in == dev {
            return Err(Error::MadeInDevMode);
        }
        let wanted = options.project.as_ref();
        if let Some(wanted) = wanted.filter(|wanted| wanted.as_str() != self.id) {
            return Err(Error::Invalid(format!(
                "this data folder holds the project `{}`, not `{wanted}`; leave --project out, \
                 or start with another --data folder",
                self.id
            )));
        }
        if options.mode == Mode::Dev && self.made_in == safe {
            if has_users(tx)? {
                return Err(Error::Invalid(
                    "this data folder has accounts of safe mode, and dev mode would let anybody change them; \
                     leave --dev out, or start with another --data folder"
                        .to_owned(),
                ));
            }
            tracing::warn!(
                "this data folder has no users yet, so dev mode takes it over; from now on safe mode refuses it"
            );
            self.made_in = dev.to_owned();
        }
        Ok(self)
    }

    fn new(cx: &mut OpContext<'_>, options: &Options) -> Self {
        let default = match options.mode {
            Mode::Dev => DEFAULT_ID_DEV,
            Mode::Safe => DEFAULT_ID,
        };
        let id = options.project.as_ref().map_or(default, ProjectId::as_str);
        let mut number = [0; 8];
        cx.rng.fill(&mut number);
        Self {
            id: id.to_owned(),
            // Twelve digits, as Google's are.
            number: (100_000_000_000 + u64::from_be_bytes(number) % 900_000_000_000).to_string(),
            // 39 characters that begin like Google's: some tools check the form.
            api_keys: vec![format!("AIzaFk{}", cx.alphanumeric(33))],
            made_in: options.mode.as_str().to_owned(),
            base_url: None,
        }
    }

    pub(crate) fn find(tx: &dyn Read) -> Result<Option<Self>, Error> {
        let row = tx.get(Space::SysConfig, ROW)?;
        Ok(row
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()?)
    }

    fn save(&self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        let row = serde_json::to_vec(self)?;
        Ok(tx.put(Space::SysConfig, ROW.to_vec(), row.into())?)
    }

    /// Where clients reach the server, as far as is known.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(BASE_URL_DEFAULT)
    }

    /// The project as people see it, served in that mode at that address.
    pub(crate) fn summary(&self, mode: Mode, base_url: &str) -> ProjectSummary {
        ProjectSummary {
            project_id: self.id.clone(),
            project_number: self.number.clone(),
            api_keys: self.api_keys.clone(),
            mode: mode.as_str(),
            base_url: base_url.to_owned(),
            jwks_url: format!("{base_url}/.well-known/jwks.json"),
            issuer: format!("{ISSUER_PREFIX}{}", self.id),
            account_server_url: format!("{base_url}/account/v1"),
            open_api_url: format!("{base_url}/account/v1/openapi.json"),
        }
    }
}

fn has_users(tx: &dyn Read) -> Result<bool, Error> {
    let range = KeyRange::prefix(b"");
    let page = tx.scan(
        Space::SysUsers,
        &range,
        Direction::Forward,
        PageLimit::default(),
    )?;
    Ok(!page.rows.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firekeep_store::{DbId, MemEngine, Store};

    use super::*;
    use crate::testing::{self, rows};
    use crate::{Access, Core, SystemClock};

    const PUBLIC: &str = "https://fk.example.com";

    struct Folder(Arc<MemEngine>, Arc<Store>);

    fn store() -> Folder {
        let clock = Arc::new(SystemClock);
        let engine = Arc::new(MemEngine::new(clock.clone()));
        let store = Store::open(engine.clone(), DbId(0), clock).unwrap();
        Folder(engine, store)
    }

    fn open(
        Folder(engine, store): &Folder,
        mode: Mode,
        base_url: Option<&str>,
    ) -> Result<Arc<Core>, Error> {
        let options = Options {
            project: None,
            mode,
            base_url: base_url.map(str::to_owned),
            bridge: None,
            documents: Access::Open,
        };
        Core::open(
            engine.clone(),
            Arc::clone(store),
            Arc::new(SystemClock),
            options,
        )
    }

    #[test]
    fn the_address_is_remembered_for_commands() {
        let store = store();
        let core = open(&store, Mode::Safe, None).unwrap();
        assert_eq!(core.base_url(), BASE_URL_DEFAULT);
        assert_eq!(
            open(&store, Mode::Safe, Some(PUBLIC)).unwrap().base_url(),
            PUBLIC
        );
        let core = open(&store, Mode::Safe, None).unwrap();
        assert_eq!(core.base_url(), PUBLIC);
        for (named, leads_to) in [(None, PUBLIC), (Some("http://[::1]:1"), "http://[::1]:1")] {
            let file = core.create_service_account("addressed", named).unwrap();
            let expected = format!("{leads_to}/oauth2.googleapis.com/token");
            assert_eq!(file.token_uri, expected);
        }
    }

    #[test]
    fn addresses_are_shown() {
        let shown = open(&store(), Mode::Safe, Some(PUBLIC)).unwrap();
        let shown = serde_json::to_value(shown.project_summary()).unwrap();
        for (member, value) in [
            ("baseUrl", "https://fk.example.com"),
            ("jwksUrl", "https://fk.example.com/.well-known/jwks.json"),
            ("issuer", "https://securetoken.google.com/firekeep"),
            ("accountServerUrl", "https://fk.example.com/account/v1"),
            (
                "openApiUrl",
                "https://fk.example.com/account/v1/openapi.json",
            ),
        ] {
            assert_eq!(shown[member], value);
        }
    }

    #[test]
    fn dev_mode_takes_an_empty_folder_over_for_good() {
        let store = store();
        open(&store, Mode::Safe, None).unwrap();
        open(&store, Mode::Dev, None).unwrap();
        let refused = open(&store, Mode::Safe, None).err().unwrap();
        assert!(refused.to_string().contains("was used in dev mode"));
    }

    /// A row that fails here is a format that data folders do not have.
    #[test]
    fn the_stored_project_is_this_json() {
        const NEW: &str =
            r#"{"id":"demo","number":"123456789012","api_keys":["AIzaFk1"],"made_in":"safe"}"#;
        const SERVED: &str = concat!(
            r#"{"id":"demo","number":"123456789012","api_keys":["AIzaFk1","b"],"made_in":"dev","#,
            r#""base_url":"https://fk.example.com"}"#,
        );
        let project = |api_keys: &[&str], mode: Mode, base_url: Option<&str>| Project {
            id: "demo".to_owned(),
            number: "123456789012".to_owned(),
            api_keys: api_keys.iter().map(|&key| key.to_owned()).collect(),
            made_in: mode.as_str().to_owned(),
            base_url: base_url.map(str::to_owned),
        };
        for (project, text) in [
            (project(&["AIzaFk1"], Mode::Safe, None), NEW),
            (project(&["AIzaFk1", "b"], Mode::Dev, Some(PUBLIC)), SERVED),
        ] {
            let store = testing::store();
            let write = |tx: &mut WriteTx<'_>| project.save(tx);
            store.write(write).unwrap();
            let row = ("project".to_owned(), text.to_owned());
            assert_eq!(rows(&store, Space::SysConfig), [row]);
            assert_eq!(
                Project::find(&store.read().unwrap()).unwrap(),
                Some(project)
            );
        }
    }
}
