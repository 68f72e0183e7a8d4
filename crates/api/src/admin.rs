//! What the command line asks of a server, stopped or running: one command in, JSON out.
//!
//! The same [`Command`] runs in the process that opened the data folder, or travels to the one that has it open.

mod documents;

use std::path::PathBuf;
use std::sync::Arc;

use firekeep_accounts::users::{self, Change};
use firekeep_accounts::{Email, Phone, Pool, User, Username};
use firekeep_model::{Caller, DatabaseId, DatabaseName, ProjectId, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::firestore::{End, ExportTo, LongOperation, OperationKind, References};
use crate::identity::{NewUser, Place, Target};
use crate::service_accounts::NewAccount;
use crate::{Core, Error, Firestore, KeyFile, service_accounts};

/// A command of the command line.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// The project, its API keys and mode.
    ProjectShow,
    /// Makes a service account; the answer holds its key file, the only copy.
    ServiceAccountCreate {
        /// The name before the `@`.
        name: String,
        /// The server that the key file leads to; where clients reach this one when absent.
        #[serde(default)]
        base_url: Option<String>,
    },
    /// Registers the public half of a key file, such as Google's.
    ServiceAccountImport {
        /// The key file's text.
        key_file: String,
    },
    /// All service accounts.
    ServiceAccountList,
    /// Refuses, or accepts again, what an account signs.
    ServiceAccountSetDisabled {
        /// The account.
        client_email: String,
        /// Whether to refuse.
        disabled: bool,
    },
    /// Makes a user.
    UserCreate {
        /// The uid; generated when absent.
        uid: Option<String>,
        /// The email address.
        email: Option<String>,
        /// The username.
        username: Option<String>,
        /// The phone number.
        phone: Option<String>,
        /// The password.
        password: Option<String>,
        /// The display name.
        display_name: Option<String>,
    },
    /// Users by uid.
    UserList {
        /// Begins after this uid.
        after: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// One user.
    UserGet {
        /// A uid, an email address or a username.
        name: String,
    },
    /// Refuses, or accepts again, a user's sign-ins.
    UserSetDisabled {
        /// A uid, an email address or a username.
        name: String,
        /// Whether to refuse.
        disabled: bool,
    },
    /// Deletes a user.
    UserDelete {
        /// A uid, an email address or a username.
        name: String,
    },
    /// The keys that sign ID tokens.
    KeysList,
    /// Makes the next signing key.
    KeysRotate {
        /// Drops all keys at once instead.
        emergency: bool,
    },
    /// The databases of a project.
    DatabasesList {
        /// The project; the server's own when absent.
        #[serde(default)]
        project: Option<String>,
    },
    /// Makes a database.
    DatabaseCreate {
        /// Its id.
        database: String,
    },
    /// Deletes a database with everything in it.
    DatabaseDelete {
        /// Its id.
        database: String,
    },
    /// Protects a database against deletion, or takes that back.
    DatabaseProtect {
        /// Its id.
        database: String,
        /// If it is to be protected.
        protected: bool,
    },
    /// The indexes of a database, as `firestore.indexes.json` has them.
    IndexesList {
        /// The database's id.
        database: String,
    },
    /// What becomes of queries that the cloud would refuse for want of an index.
    IndexesMode {
        /// The database's id.
        database: String,
        /// `auto`, `warn` or `enforce`; as it is when absent.
        mode: Option<String>,
    },
    /// Brings the indexes of a database in line with a file.
    IndexesDeploy {
        /// The database's id.
        database: String,
        /// The text of `firestore.indexes.json`.
        file: String,
        /// Whether to remove what the file does not declare.
        prune: bool,
    },
    /// Begins to export documents to a file or folder of the server's machine; for its own user only.
    DocumentsExport {
        /// The project; the server's own when absent.
        project: Option<String>,
        /// The database's id.
        database: String,
        /// The file or folder.
        to: PathBuf,
        /// The name of a managed export; a file of our own format when absent.
        managed: Option<String>,
        /// The time in microseconds; now when absent.
        at_micros: Option<i64>,
    },
    /// Begins to import documents from a file or folder of the server's machine; for its own user only.
    DocumentsImport {
        /// The project; the server's own when absent.
        project: Option<String>,
        /// The database's id.
        database: String,
        /// The file or folder.
        from: PathBuf,
    },
    /// How far an export or import is.
    OperationShow {
        /// Its id.
        id: String,
    },
}

impl Core {
    /// The caller that the process itself is: who can open the data folder administers it.
    #[must_use]
    pub fn owner(&self) -> Caller {
        let project = self.default_pool().project;
        Caller::Privileged { project }
    }

    /// Whether whoever sent a bearer credential may ask for a command, beside being an administrator.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn check_place(&self, bearer: Option<&str>, command: &Command) -> Result<(), Error> {
        match command {
            Command::DocumentsExport { .. } | Command::DocumentsImport { .. } => {
                match self.may_name_files(bearer) {
                    true => Ok(()),
                    false => Err(Error::Forbidden),
                }
            }
            _ => Ok(()),
        }
    }

    /// Runs a command for an administrator.
    ///
    /// # Errors
    /// [`Error::CredentialMissing`] for others; [`Error::NotFound`] and [`Error::Invalid`] with sentences for people;
    /// those of the operation.
    pub async fn run(self: &Arc<Self>, caller: &Caller, command: Command) -> Result<Value, Error> {
        let place = Place::default();
        let pool = self.admin_pool(caller, place)?;
        match command {
            Command::ProjectShow => Ok(serde_json::to_value(self.project_summary())?),
            Command::ServiceAccountCreate { name, base_url } => {
                check_account_name(&name)?;
                let core = Arc::clone(self);
                let task = tokio::task::spawn_blocking(move || {
                    core.create_service_account(&name, base_url.as_deref())
                });
                let file = task
                    .await
                    .map_err(|_| Error::Internal("a key could not be made".to_owned()))??;
                Ok(serde_json::from_str(&file.to_json())?)
            }
            Command::ServiceAccountImport { key_file } => {
                let file = KeyFile::parse(&key_file).map_err(Error::KeyFile)?;
                let new = NewAccount::of(&file, self.now())?;
                self.write(move |tx, cx| service_accounts::register(tx, &new, cx.now))
                    .await?;
                self.reload()?;
                Ok(json!({ "clientEmail": file.client_email }))
            }
            Command::ServiceAccountList => {
                Ok(json!({ "serviceAccounts": self.accounts().summaries() }))
            }
            Command::ServiceAccountSetDisabled {
                client_email,
                disabled,
            } => {
                let email = client_email.clone();
                self.write(move |tx, _| service_accounts::set_disabled(tx, &email, disabled))
                    .await?;
                self.reload()?;
                Ok(json!({ "clientEmail": client_email, "disabled": disabled }))
            }
            Command::UserCreate {
                uid,
                email,
                username,
                phone,
                password,
                display_name,
            } => {
                let new = NewUser {
                    uid,
                    email,
                    username,
                    phone_number: phone,
                    password,
                    display_name,
                    ..NewUser::default()
                };
                Ok(show(&self.create_user(caller, place, new).await?))
            }
            Command::UserList { after, limit } => {
                let listed = self.list_users(caller, place, after.as_deref(), limit);
                let page = listed.await?;
                let users: Vec<Value> = page.users.iter().map(show).collect();
                Ok(json!({ "users": users, "next": page.next }))
            }
            Command::UserGet { name } => Ok(show(&self.named(&pool, &name)?)),
            Command::UserSetDisabled { name, disabled } => {
                let uid = self.named(&pool, &name)?.uid;
                let user = self
                    .write(move |tx, cx| {
                        let change = Change {
                            disabled: Some(disabled),
                            ..Change::default()
                        };
                        Ok(users::update(tx, cx, &pool, &uid, change)?)
                    })
                    .await?;
                Ok(show(&user))
            }
            Command::UserDelete { name } => {
                let user = self.named(&pool, &name)?;
                let target = Target {
                    uid: Some(user.uid.to_string()),
                    ..Target::default()
                };
                self.delete_user(caller, place, target).await?;
                Ok(show(&user))
            }
            Command::DocumentsExport {
                project,
                database,
                to,
                managed,
                at_micros,
            } => {
                let database = self.database_named(project.as_deref(), &database)?;
                let to = match managed {
                    Some(name) => ExportTo::ManagedFolder { folder: to, name },
                    None => ExportTo::File(to),
                };
                let at = at_micros.map(Timestamp::from_micros);
                let firestore = Firestore::new(Arc::clone(self));
                let begun = firestore.export_documents(caller, &database, to, at);
                Ok(show_operation(&begun.await?))
            }
            Command::DocumentsImport {
                project,
                database,
                from,
            } => {
                let database = self.database_named(project.as_deref(), &database)?;
                let firestore = Firestore::new(Arc::clone(self));
                let follow = References::Follow;
                let begun = firestore.import_documents(caller, &database, from, follow);
                Ok(show_operation(&begun.await?))
            }
            Command::OperationShow { id } => {
                let firestore = Firestore::new(Arc::clone(self));
                Ok(show_operation(&firestore.operation(caller, &id)?))
            }
            Command::KeysList => Ok(json!({ "keys": self.keys().summaries() })),
            Command::KeysRotate { emergency } => {
                self.rotate_keys(emergency).await?;
                Ok(json!({ "keys": self.keys().summaries() }))
            }
            Command::DatabasesList { project } => {
                documents::list_databases(self, caller, project.as_deref()).await
            }
            Command::DatabaseCreate { database } => {
                documents::create_database(self, caller, &database).await
            }
            Command::DatabaseDelete { database } => {
                documents::delete_database(self, caller, &database).await
            }
            Command::DatabaseProtect {
                database,
                protected,
            } => documents::protect_database(self, caller, &database, protected).await,
            Command::IndexesList { database } => {
                documents::list_indexes(self, caller, &database).await
            }
            Command::IndexesMode { database, mode } => {
                documents::index_mode(self, caller, &database, mode.as_deref()).await
            }
            Command::IndexesDeploy {
                database,
                file,
                prune,
            } => documents::deploy_indexes(self, caller, &database, &file, prune).await,
        }
    }

    /// The database that a person names.
    fn database_named(&self, project: Option<&str>, database: &str) -> Result<DatabaseName, Error> {
        let invalid = |error: &dyn std::fmt::Display| Error::Invalid(error.to_string());
        let project = match project {
            Some(project) => ProjectId::parse(project).map_err(|error| invalid(&error))?,
            None => self.project_id.clone(),
        };
        let database = DatabaseId::parse(database).map_err(|error| invalid(&error))?;
        Ok(DatabaseName::new(project, database))
    }

    /// The user that a person names: by uid, email address or username.
    fn named(&self, pool: &Pool, name: &str) -> Result<User, Error> {
        let by_uid = match Uid::parse(name) {
            Ok(uid) => users::find(&self.read()?, pool, &uid)?,
            Err(_) => None,
        };
        let found = match by_uid {
            Some(user) => Some(user),
            None => self.find_by_name(pool, name)?,
        };
        found.ok_or_else(|| {
            Error::NotFound(format!(
                "no user has the uid, email address or username `{name}`"
            ))
        })
    }
}

/// An export or import, as the command line shows it.
fn show_operation(operation: &LongOperation) -> Value {
    let mut shown = json!({
        "id": operation.id,
        "database": operation.database.to_string(),
        "documents": operation.written,
        "done": operation.end.is_some(),
    });
    let mut add = |name: &str, value: Value| {
        if let Value::Object(map) = &mut shown {
            map.insert(name.to_owned(), value);
        }
    };
    match operation.kind {
        OperationKind::Import => add("unchanged", operation.unchanged.into()),
        OperationKind::Export | OperationKind::BulkDelete => {}
    }
    match &operation.end {
        Some(End::Done { read_time, notes }) => {
            if let Some(time) = read_time {
                add("readTimeMicros", time.micros().into());
            }
            add("notes", notes.clone().into());
        }
        Some(End::Failed(why)) => add("error", why.as_str().into()),
        None => {}
    }
    shown
}

fn check_account_name(name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (6..=30).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::Invalid(
        "a service account's name has 6 to 30 of lower-case letters, digits and `-`".to_owned(),
    ))
}

/// A user, as the command line shows it.
fn show(user: &User) -> Value {
    let mut shown = json!({
        "uid": user.uid.as_str(),
        "emailVerified": user.email_verified,
        "disabled": user.disabled,
        "createdAtMillis": user.created_at.millis(),
    });
    let members = [
        ("email", user.email.as_ref().map(Email::as_str)),
        ("username", user.username.as_ref().map(Username::as_str)),
        ("phoneNumber", user.phone_number.as_ref().map(Phone::as_str)),
        ("displayName", user.display_name.as_deref()),
        ("photoUrl", user.photo_url.as_deref()),
    ];
    if let Value::Object(map) = &mut shown {
        for (name, value) in members {
            map.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        }
    }
    shown
}
