use super::*;
use crate::testing::Server;

/// What many threads change and load again at once is in memory as it is stored, whoever comes last.
#[test]
fn the_latest_state_is_loaded_last() {
    let server = Server::new(Mode::Safe);
    let core = &server.core;
    let email = core.accounts().built_in().client_email.clone();
    let disabled = |core: &Core| {
        let accounts = core.accounts();
        let all = accounts.summaries();
        all.iter().any(|account| account.disabled)
    };
    for round in 0..40 {
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let email = &email;
                threads.spawn(move || {
                    let disable = (round + thread) % 2 == 0;
                    core.write_here(|tx, _| service_accounts::set_disabled(tx, email, disable))
                        .unwrap();
                    core.reload().unwrap();
                });
            }
        });
        let stored = Registry::load(&core.read().unwrap()).unwrap().summaries();
        assert_eq!(stored.iter().any(|it| it.disabled), disabled(core));
    }
}

#[tokio::test]
async fn old_rate_limits_are_dropped_when_the_server_is_tended() {
    let server = Server::new(Mode::Safe);
    let (core, client) = (&server.core, crate::testing::client("192.0.2.1"));
    let wrong = core.account_login(client, "nobody", "wrong password".to_owned());
    assert!(wrong.await.is_err());
    core.tend().await.unwrap();
    assert_eq!(core.limiter.len(), 3);
    server.clock.advance(15 * 60);
    core.tend().await.unwrap();
    assert_eq!(core.limiter.len(), 0);
}

#[test]
fn a_failure_keeps_nothing_else_from_being_done_and_the_first_one_is_told() {
    let mut round = Round::default();
    assert_eq!(round.note("one", Ok(1)), Some(1));
    assert_eq!(round.note::<()>("two", Err(Error::Aborted)), None);
    round.keep(Err(Error::Forbidden));
    assert_eq!(round.note("three", Ok(3)), Some(3));
    assert!(matches!(round.end(), Err(Error::Aborted)));
    assert!(Round::default().end().is_ok());
}
