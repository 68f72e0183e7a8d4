use firekeep_documents::index::definition::FieldOverride;
use firekeep_documents::{Operation, Precondition, Write};
use firekeep_model::{CollectionId, DocumentPath, FieldPath, ProjectId, Value};

use super::*;
use crate::Mode;
use crate::firestore::Consistency;
use crate::testing::{START, Server};

struct World {
    server: Server,
    firestore: Firestore,
    admin: Caller,
    folder: tempfile::TempDir,
}

impl World {
    fn new(mode: Mode) -> Self {
        let server = Server::new(mode);
        Self {
            firestore: Firestore::new(Arc::clone(&server.core)),
            admin: server.core.owner(),
            server,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn fill(&self, database: &DatabaseName, count: usize) {
        let all: Vec<_> = (0..count).collect();
        for some in all.chunks(200) {
            let writes = some.iter().map(|n| write(database, *n)).collect();
            let committed = self.firestore.commit(&self.admin, database, writes, None);
            committed.await.unwrap();
        }
    }

    /// Waits for an operation, and says how it ended.
    async fn end(&self, begun: Result<LongOperation, Error>) -> (LongOperation, String) {
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => panic!("{error}"),
        };
        loop {
            let found = self.firestore.operation(&self.admin, &begun.id).unwrap();
            let text = match &found.end {
                Some(End::Done { notes, .. }) => notes.join(" "),
                Some(End::Failed(why)) => why.clone(),
                None => {
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            return (found, text);
        }
    }

    async fn export(&self, database: &DatabaseName, to: ExportTo) -> (LongOperation, String) {
        let begun = self
            .firestore
            .export_documents(&self.admin, database, to, None);
        self.end(begun.await).await
    }

    async fn import(&self, database: &DatabaseName, from: &Path) -> (LongOperation, String) {
        let from = from.to_owned();
        let begun =
            self.firestore
                .import_documents(&self.admin, database, from, References::Follow);
        self.end(begun.await).await
    }

    async fn get(&self, database: &DatabaseName, path: &str) -> Document {
        let path = DocumentPath::parse(path).unwrap();
        let got =
            self.firestore
                .get_document(&self.admin, database, path, None, Consistency::Strong);
        got.await.unwrap()
    }
}

fn database(id: &str) -> DatabaseName {
    DatabaseName::parse(&format!("projects/firekeep/databases/{id}")).unwrap()
}

fn fields(database: &DatabaseName, n: usize) -> Map {
    let path = DocumentPath::parse(&format!("c/{n}")).unwrap();
    let reference = Value::reference(DocumentName {
        database: database.clone(),
        path,
    });
    let entries = vec![
        ("n".into(), i64::try_from(n).unwrap().into()),
        ("self".into(), reference),
    ];
    Map::from_entries(entries).unwrap()
}

fn write(database: &DatabaseName, n: usize) -> Write {
    Write {
        path: DocumentPath::parse(&format!("c/{n}")).unwrap(),
        operation: Operation::Update {
            fields: fields(database, n),
            mask: None,
        },
        transforms: Vec::new(),
        precondition: Precondition::None,
    }
}

fn managed(folder: PathBuf) -> ExportTo {
    let name = "export".to_owned();
    ExportTo::ManagedFolder { folder, name }
}

#[tokio::test]
async fn documents_move_from_one_database_to_another() {
    let world = World::new(Mode::Dev);
    let (from, to, again) = (database("(default)"), database("other"), database("third"));
    world.fill(&from, 700).await;
    let created = world.get(&from, "c/5").await.create_time;
    world.server.clock.advance(100);
    let (file, folder) = (world.path("a.export"), world.path("managed"));
    let (exported, _) = world.export(&from, ExportTo::File(file.clone())).await;
    assert_eq!(
        (exported.written, exported.kind),
        (700, OperationKind::Export)
    );
    let (exported, _) = world.export(&from, managed(folder.clone())).await;
    assert_eq!(exported.written, 700);
    for (to, path) in [(&to, &file), (&again, &folder)] {
        let (imported, notes) = world.import(to, path).await;
        assert_eq!(
            (imported.written, imported.unchanged, &*notes),
            (700, 0, "")
        );
        for n in [0, 5, 699] {
            let found = world.get(to, &format!("c/{n}")).await;
            assert_eq!(found.fields, fields(to, n), "references go along");
            assert!(found.update_time >= Timestamp::from_secs(START + 100));
        }
        let (imported, _) = world.import(to, path).await;
        assert_eq!((imported.written, imported.unchanged), (0, 700));
    }
    assert_eq!(world.get(&to, "c/5").await.create_time, created);
    assert!(world.get(&again, "c/5").await.create_time > created);
}

#[tokio::test]
async fn an_export_is_of_the_time_that_was_asked_for() {
    let world = World::new(Mode::Dev);
    let from = database("(default)");
    world.fill(&from, 3).await;
    world.server.clock.advance(10);
    let at = Timestamp::from_secs(START + 5);
    world.fill(&from, 10).await;
    let begin = |at, name| {
        let to = ExportTo::File(world.path(name));
        world
            .firestore
            .export_documents(&world.admin, &from, to, Some(at))
    };
    let (exported, _) = world.end(begin(at, "a").await).await;
    assert_eq!(exported.written, 3);
    let read_time = Some(at);
    let notes = Vec::new();
    assert_eq!(exported.end, Some(End::Done { read_time, notes }));
    let old = Timestamp::from_secs(START - 10_000);
    assert!(matches!(begin(old, "b").await, Err(Error::ReadTimeTooOld)));
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let world = World::new(Mode::Dev);
    let from = database("(default)");
    world.fill(&from, 3).await;
    let file = world.path("a");
    world.export(&from, ExportTo::File(file.clone())).await;
    let check = |text: String, words: &str| assert!(text.contains(words), "{text}");
    let (_, text) = world.export(&from, ExportTo::File(file.clone())).await;
    check(text, "is there already");
    let (_, text) = world
        .export(&from, ExportTo::File(world.path("no/such")))
        .await;
    check(text, "cannot be read or written");
    let (_, text) = world.import(&from, &world.path("nothing")).await;
    check(text, "cannot be read or written");
    let (_, text) = world.import(&from, world.folder.path()).await;
    check(text, "is no managed export");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&file, &bytes).unwrap();
    let (_, text) = world.import(&from, &file).await;
    check(text, "the export is cut off in block 2");
    fs::write(&file, b"{\"json\": true, \"and\": \"more\"}").unwrap();
    let (_, text) = world.import(&from, &file).await;
    check(text, "this is no Firekeep export");
    assert!(!world.path("a.part").exists());
}

#[tokio::test]
async fn a_document_that_cannot_be_stored_is_named() {
    let world = World::new(Mode::Dev);
    let (name, now) = (database("(default)"), Timestamp::from_secs(START));
    let folder = world.path("m");
    let mut writer = Managed::begin(&folder, "m", now).unwrap();
    for n in 0..10 {
        let path = DocumentPath::parse(&format!("c/{n}")).unwrap();
        // An array of a million nulls has few bytes, and is within the limits; a longer string is not.
        let text = "x".repeat(if n == 7 { 1_048_500 } else { 1 });
        let fields = Map::from_entries(vec![("s".into(), Value::String(text.into()))]).unwrap();
        let database = name.clone();
        writer
            .document(&DocumentName { database, path }, &fields)
            .unwrap();
    }
    writer.finish(now).unwrap();
    let (_, text) = world.import(&name, &folder).await;
    assert!(
        text.starts_with("the document `c/7` cannot be imported: "),
        "{text}"
    );
    assert_eq!(world.get(&name, "c/6").await.path.id(), "6");
}

#[tokio::test]
async fn the_emulators_endpoints_answer_when_all_is_there() {
    let world = World::new(Mode::Dev);
    let from = database("(default)");
    world.fill(&from, 5).await;
    let folder = world.folder.path().to_owned();
    let export = |name: &str| {
        world
            .firestore
            .emulator_export(&world.admin, &from, folder.clone(), name.to_owned())
    };
    export("mine").await.unwrap();
    for bad in ["", "..", "a/b", ".hidden"] {
        assert!(matches!(export(bad).await, Err(Error::Invalid(_))), "{bad}");
    }
    let to = database("other");
    let import = |from: PathBuf| world.firestore.emulator_import(&world.admin, &to, from);
    import(folder.join("mine/mine.overall_export_metadata"))
        .await
        .unwrap();
    // As with the official emulator, references stay.
    assert_eq!(world.get(&to, "c/4").await.fields, fields(&from, 4));
    assert!(matches!(
        import("mine".into()).await,
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        import(folder.join("no")).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn only_administrators_may_and_files_are_for_the_machines_own_user() {
    let world = World::new(Mode::Safe);
    let core = &world.server.core;
    core.set_local_secret("secret");
    assert!(core.may_name_files(Some("secret")));
    assert!(!core.may_name_files(Some("owner")));
    assert!(!core.may_name_files(None));
    let own = DatabaseName::new(core.project_id.clone(), Default::default());
    let stranger = Caller::ApiKey {
        project: ProjectId::parse("firekeep").unwrap(),
    };
    let to = || ExportTo::File(world.path("x"));
    for caller in [&Caller::Anonymous, &stranger] {
        let refused = world
            .firestore
            .export_documents(caller, &own, to(), None)
            .await;
        assert!(matches!(refused, Err(Error::PermissionDenied)));
        let from = world.path("x");
        let refused = (world.firestore).import_documents(caller, &own, from, References::Keep);
        assert!(matches!(refused.await, Err(Error::PermissionDenied)));
    }
    let (exported, _) = world.export(&own, to()).await;
    let hidden = world.firestore.operation(&stranger, &exported.id);
    assert!(matches!(hidden, Err(Error::PermissionDenied)));
    let folder = world.folder.path().to_owned();
    let emulator = world
        .firestore
        .emulator_export(&world.admin, &own, folder, "x".to_owned());
    assert!(matches!(emulator.await, Err(Error::NotEnabled(_))));
}

#[tokio::test]
async fn the_end_of_the_server_ends_operations() {
    let world = World::new(Mode::Dev);
    let from = database("(default)");
    world.fill(&from, 3).await;
    let to = ExportTo::File(world.path("a"));
    let begun = world.firestore.begin_export(&world.admin, &from, to, None);
    let running = begun.await.unwrap();
    let core = Arc::clone(&world.server.core);
    tokio::task::spawn_blocking(move || core.close())
        .await
        .unwrap();
    // It was done, or was stopped; it is not under way.
    assert!(running.show().end.is_some());
    let to = ExportTo::File(world.path("b"));
    let late = world
        .firestore
        .export_documents(&world.admin, &from, to, None)
        .await;
    assert!(late.is_err());
}

#[test]
fn history_is_kept_for_who_reads_it() {
    let world = World::new(Mode::Dev);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let opened = runtime
        .block_on(world.server.core.database(&database("(default)")))
        .unwrap();
    assert_eq!(opened.oldest_kept(), None);
    let (first, second) = (opened.keep(CommitTime(7)), opened.keep(CommitTime(9)));
    assert_eq!(opened.oldest_kept(), Some(CommitTime(7)));
    drop(first);
    assert_eq!(opened.oldest_kept(), Some(CommitTime(9)));
    drop(second);
    assert_eq!(opened.oldest_kept(), None);
}

#[tokio::test]
async fn indexes_are_declared_where_documents_are_imported() {
    let world = World::new(Mode::Dev);
    let (from, to) = (database("(default)"), database("other"));
    world.fill(&from, 20).await;
    let declared = |field: &str| {
        Declaration::Override(FieldOverride {
            collection: Some(CollectionId::parse("c").unwrap()),
            field: Some(FieldPath::parse(field).unwrap()),
            indexes: Vec::new(),
        })
    };
    let opened = world.server.core.database(&from).await.unwrap();
    let running = world.firestore.begin_export(
        &world.admin,
        &from,
        ExportTo::File(world.path("none")),
        None,
    );
    let running = running.await.unwrap();
    for field in ["a", "b", "n"] {
        // The second one has to wait for the first.
        assert_eq!(declare(&opened, &declared(field), &running).unwrap(), None);
    }
    world.export(&from, ExportTo::File(world.path("a"))).await;
    let (imported, notes) = world.import(&to, &world.path("a")).await;
    assert_eq!((imported.written, &*notes), (20, ""));
    let opened = world.server.core.database(&to).await.unwrap();
    let found = Declaration::all(&opened.catalog().unwrap());
    for field in ["a", "b", "n"] {
        assert!(found.contains(&declared(field)), "{field}");
    }
    assert!(opened.catalog().unwrap().is_settled());
}

#[tokio::test]
async fn an_export_does_not_touch_what_another_one_writes() {
    let world = World::new(Mode::Safe);
    let from = database("(default)");
    world.fill(&from, 3).await;
    let (path, part) = (world.path("a.fk"), world.path("a.fk.part"));
    std::fs::write(&part, "half").unwrap();
    let (_, text) = world.export(&from, ExportTo::File(path.clone())).await;
    assert!(
        text.contains("a.fk.part") && text.contains("remove it"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(&part).unwrap(), "half");
    assert!(!path.exists());
    std::fs::remove_file(&part).unwrap();
    let (_, text) = world.export(&from, ExportTo::File(path.clone())).await;
    assert_eq!(text, "");
    assert!(path.exists() && !part.exists());
}
