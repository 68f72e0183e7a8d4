//! The project: its ids, its API keys, its settings. One row.

use firekeep_model::{OpContext, ProjectId};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use serde::{Deserialize, Serialize};

use crate::{Error, Mode};

const ROW: &[u8] = b"project";
/// The project of a data folder that names none.
const DEFAULT_ID: &str = "firekeep";
/// The same in dev mode. Source: architecture, section 4.
const DEFAULT_ID_DEV: &str = "demo-firekeep";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) api_keys: Vec<String>,
    /// The mode that made the data folder: accounts made in dev mode may be forged.
    pub(crate) made_in: String,
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
}

impl Project {
    /// Loads the project, or makes it: the first start of a data folder.
    ///
    /// # Errors
    /// [`Error::MadeInDevMode`]; [`Error::Invalid`] when the folder holds another project than `wanted`.
    pub(crate) fn open(
        tx: &mut WriteTx<'_>,
        cx: &mut OpContext<'_>,
        wanted: Option<&ProjectId>,
        mode: Mode,
    ) -> Result<Self, Error> {
        if let Some(mut project) = Self::find(tx)? {
            if mode == Mode::Safe && project.made_in == Mode::Dev.as_str() {
                return Err(Error::MadeInDevMode);
            }
            if let Some(wanted) = wanted.filter(|wanted| wanted.as_str() != project.id) {
                return Err(Error::Invalid(format!(
                    "this data folder holds the project `{}`, not `{wanted}`; leave --project out, \
                     or start with another --data folder",
                    project.id
                )));
            }
            if mode == Mode::Dev && project.made_in == Mode::Safe.as_str() {
                if has_users(tx)? {
                    return Err(Error::Invalid(
                        "this data folder has accounts of safe mode, and dev mode would let anybody change them; \
                         leave --dev out, or start with another --data folder"
                            .to_owned(),
                    ));
                }
                project.made_in = Mode::Dev.as_str().to_owned();
                tx.put(
                    Space::SysConfig,
                    ROW.to_vec(),
                    serde_json::to_vec(&project)?.into(),
                )?;
            }
            return Ok(project);
        }
        let default = if mode == Mode::Dev {
            DEFAULT_ID_DEV
        } else {
            DEFAULT_ID
        };
        let mut number = [0; 8];
        cx.rng.fill(&mut number);
        let project = Self {
            id: wanted.map_or(default, ProjectId::as_str).to_owned(),
            // Twelve digits, as Google's are.
            number: (100_000_000_000 + u64::from_be_bytes(number) % 900_000_000_000).to_string(),
            // 39 characters that begin like Google's: some tools check the form.
            api_keys: vec![format!("AIzaFk{}", cx.alphanumeric(33))],
            made_in: mode.as_str().to_owned(),
        };
        tx.put(
            Space::SysConfig,
            ROW.to_vec(),
            serde_json::to_vec(&project)?.into(),
        )?;
        Ok(project)
    }

    pub(crate) fn find(tx: &dyn Read) -> Result<Option<Self>, Error> {
        let row = tx.get(Space::SysConfig, ROW)?;
        Ok(row
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()?)
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
