//! What only shows with a hand on the table.

use std::time::Duration;

use firekeep_documents::query::Query;
use firekeep_model::DatabaseId;
use tokio::time::timeout;

use super::*;
use crate::Mode;
use crate::testing::Server;

#[tokio::test]
async fn who_waits_for_a_watch_at_work_keeps_nobody_up_and_may_go_away() {
    const SHORT: Duration = Duration::from_millis(50);
    let server = Server::new(Mode::Safe);
    let core = &server.core;
    let name = DatabaseName::new(core.project_id.clone(), DatabaseId::default());
    let database = core.database(&name).await.unwrap();
    let subscription = core.subscribe(&database).await.unwrap();
    let watch = Arc::clone(&subscription.watch);
    let target = Target::Query(Query::default());
    let at_work = watch.table.lock().await;
    assert!(timeout(SHORT, core.subscribe(&database)).await.is_err());
    let listening = subscription.listen(TargetId::new(1).unwrap(), &target);
    assert!(timeout(SHORT, listening).await.is_err());
    drop(subscription);
    drop(at_work);
    let table = watch.lock().await;
    assert!(table.hub.is_idle() && table.mailboxes.is_empty());
}
