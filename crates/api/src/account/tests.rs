use firekeep_accounts::PasswordHash;

use super::*;
use crate::Mode;
use crate::testing::{Server, client};

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

struct Account {
    server: Server,
    login: Login,
    who: Authenticated,
}

impl Account {
    async fn new() -> Self {
        let server = Server::new(Mode::Safe);
        let new = NewAccount {
            username: Some("alice".to_owned()),
            password: OLD.to_owned(),
            ..NewAccount::default()
        };
        let login = server.core.account_sign_up(client("192.0.2.1"), new);
        let login = login.await.unwrap();
        let token = &login.custom_token;
        let tokens = server.core.sign_in_with_custom_token(&server.pool, token);
        let who = server.authenticate(&tokens.await.unwrap()).unwrap();
        Self { server, login, who }
    }

    async fn change_password(&self) -> Result<Login, Error> {
        let (core, client) = (&self.server.core, client("192.0.2.1"));
        core.account_change_password(client, &self.who, OLD.to_owned(), NEW.to_owned())
            .await
    }
}

#[tokio::test]
async fn a_password_changes_and_ends_its_own_session() {
    let account = Account::new().await;
    let login = account.change_password().await.unwrap();
    let again = account.change_password().await.unwrap_err();
    assert!(matches!(again, Error::IdTokenRevoked), "{again}");
    let server = &account.server;
    let signed_in = server
        .core
        .sign_in_with_custom_token(&server.pool, &login.custom_token);
    assert!(signed_in.await.is_ok());
}

/// The caller was authenticated, and the record changes while the old password is judged.
#[tokio::test]
async fn a_password_is_not_changed_by_who_may_not_any_more() {
    let hash = |text: &str| Edit::Set(PasswordHash(text.to_owned()));
    let with_hash = |password_hash| Change {
        password_hash,
        ..Change::default()
    };
    let disabled = Change {
        disabled: Some(true),
        ..Change::default()
    };
    for (change, expected) in [
        (with_hash(hash("other")), "revoked"),
        (with_hash(Edit::Clear), "wrong name or password"),
        (disabled, "disabled"),
    ] {
        let account = Account::new().await;
        let uid = &account.login.user.uid;
        let before = account.server.update(uid, change);
        let refused = account.change_password().await.unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
        assert_eq!(account.server.find(uid), before);
    }
}

#[tokio::test]
async fn no_custom_token_is_shown() {
    let account = Account::new().await;
    assert!(!format!("{:?}", account.login).contains("eyJ"));
}
