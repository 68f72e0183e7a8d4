use super::*;
use crate::testing::Accounts;
use crate::users::{self, Change, Edit};
use crate::{Email, PasswordHash};

/// When the session of each test begins.
const START: i64 = 100;

struct Device {
    accounts: Accounts,
    session: Session,
}

impl Device {
    fn new() -> Self {
        let accounts = Accounts::new();
        let user = accounts.create(50, "alice", Change::default()).unwrap();
        let start = |_: &mut WriteTx<'_>, cx: &mut OpContext<'_>| {
            Ok(Session::start(cx, &user, "custom", Map::new()))
        };
        let session = accounts.write(START, start).unwrap();
        Self { accounts, session }
    }

    fn id_token(&self) -> IdClaims {
        IdClaims {
            sub: self.session.uid.clone(),
            auth_time: START,
            iat: START,
            exp: START + 3600,
            provider: "custom".to_owned(),
            tenant: None,
            session_id: Some(self.session.id.to_hex()),
            incarnation: Some(self.session.incarnation),
            session_claims: Map::new(),
        }
    }

    fn judge_id_token(&self, claims: &IdClaims) -> Result<(), Error> {
        let tx = self.accounts.read();
        let user = users::load(&tx, &self.accounts.pool, &self.session.uid)?;
        check_id_token(&tx, &self.accounts.pool, &user, claims)
    }

    fn judge_refresh(&self) -> Result<(), Error> {
        let tx = self.accounts.read();
        let user = users::load(&tx, &self.accounts.pool, &self.session.uid)?;
        check(&tx, &self.accounts.pool, &user, &self.session)
    }

    fn end(&self) {
        let (pool, session) = (&self.accounts.pool, &self.session);
        let end = |tx: &mut WriteTx<'_>| end(tx, pool, &session.uid, &session.id);
        self.accounts.write(START, |tx, _| end(tx)).unwrap();
    }

    fn ended_rows(&self) -> usize {
        let range = KeyRange::prefix(&self.accounts.pool.ended_sessions(&self.session.uid));
        let tx = self.accounts.read();
        let (space, limit) = (Space::SysUserIndex, PageLimit::default());
        let page = tx.scan(space, &range, Direction::Forward, limit).unwrap();
        page.rows.len()
    }
}

#[track_caller]
fn check_change(secs: i64, change: Change, stands: bool) {
    let device = Device::new();
    let uid = &device.session.uid;
    let label = format!("at {secs}: {change:?}");
    device.accounts.update(secs, uid, change).unwrap();
    let judged = device.judge_id_token(&device.id_token());
    assert_eq!(judged.is_ok(), stands, "{label}");
    assert_eq!(device.judge_refresh().is_ok(), stands, "{label}");
}

#[test]
fn what_ends_all_sessions_ends_id_and_refresh_token_even_within_the_second() {
    let edited = |edit: fn(&mut Change)| {
        let mut change = Change::default();
        edit(&mut change);
        change
    };
    let name = edited(|change| change.display_name = Edit::Set("A".to_owned()));
    let disabled = edited(|change| change.disabled = Some(true));
    let revoked = edited(|change| change.valid_since_secs = Some(START));
    let earlier = edited(|change| change.valid_since_secs = Some(START - 1));
    let password = edited(|change| {
        change.password_hash = Edit::Set(PasswordHash("phc".to_owned()));
    });
    let email = edited(|change| change.email = Edit::Set(Email::parse("a@b.c").unwrap()));
    for (secs, change, stands) in [
        (START, Change::default(), true),
        (START, name, true),
        (START, disabled, false),
        (START, revoked, false),
        (START, earlier, true),
        (START, password.clone(), false),
        (START + 1, password, false),
        (START, email.clone(), false),
        (START + 1, email, false),
    ] {
        check_change(secs, change, stands);
    }
}

#[test]
fn tokens_of_a_deleted_user_say_nothing_of_the_next_one_of_its_uid() {
    let device = Device::new();
    let uid = &device.session.uid;
    device.end();
    device.accounts.delete(uid);
    let user = device.accounts.create(START, "alice", Change::default());
    let ended = |result| matches!(result, Err(Error::SessionEnded));
    assert!(ended(device.judge_id_token(&device.id_token())));
    let refresh = device.judge_refresh();
    assert!(matches!(refresh, Err(Error::InvalidRefreshToken)));

    // Each of the two random numbers does it alone. Tokens of earlier versions have no incarnation.
    let before = IdClaims {
        incarnation: None,
        ..device.id_token()
    };
    assert!(ended(device.judge_id_token(&before)));
    let user = user.unwrap();
    let same_generation = User {
        generation: device.session.id.generation(),
        ..user.clone()
    };
    let save = |tx: &mut WriteTx<'_>| {
        users::save(tx, &device.accounts.pool, Some(&user), &same_generation)
    };
    device.accounts.write(START, |tx, _| save(tx)).unwrap();
    assert!(ended(device.judge_id_token(&device.id_token())));
    assert!(device.judge_id_token(&before).is_ok());
}

/// What `createMockUserToken` of the test SDKs makes, and tokens of other emulators.
#[test]
fn a_token_without_session_is_judged_by_its_time() {
    let device = Device::new();
    let token = IdClaims {
        session_id: None,
        incarnation: None,
        ..device.id_token()
    };
    assert!(device.judge_id_token(&token).is_ok());
    for (valid_since, stands) in [(START, true), (START + 1, false)] {
        let change = Change {
            valid_since_secs: Some(valid_since),
            ..Change::default()
        };
        let uid = &device.session.uid;
        device.accounts.update(START, uid, change).unwrap();
        assert_eq!(device.judge_id_token(&token).is_ok(), stands);
    }
}

#[test]
fn a_session_that_was_ended_by_itself_is_forgotten_with_all_others() {
    let device = Device::new();
    let uid = &device.session.uid;
    device.end();
    assert_eq!(device.ended_rows(), 1);
    let ended = |result| matches!(result, Err(Error::SessionEnded));
    assert!(ended(device.judge_id_token(&device.id_token())));
    let named = Change {
        display_name: Edit::Set("A".to_owned()),
        ..Change::default()
    };
    device.accounts.update(START, uid, named).unwrap();
    assert_eq!(device.ended_rows(), 1);
    let revoked = Change {
        valid_since_secs: Some(START),
        ..Change::default()
    };
    device.accounts.update(START, uid, revoked).unwrap();
    assert_eq!(device.ended_rows(), 0);
    assert!(ended(device.judge_id_token(&device.id_token())));
    assert!(ended(device.judge_refresh()));
}
