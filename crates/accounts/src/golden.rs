//! The stored formats, to the byte. Data folders hold them and clients keep refresh tokens, so a row that fails here
//! is a format that old data does not have: it needs a new format number, or a default for what is new.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::seal::SealKey;
use firekeep_model::{OpContext, ProjectId, Rng, Timestamp, Uid};
use firekeep_store::{Direction, KeyRange, PageLimit, Read as _, Space, WriteTx};
use serde_json::{Map, Value, json};

use crate::testing::Accounts;
use crate::users::{Change, Edit};
use crate::{
    Email, PasswordHash, Phone, Pool, ProviderInfo, Session, SessionId, SessionKeys, User,
    Username, sessions,
};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

fn email(text: &str) -> Option<Email> {
    Some(Email::parse(text).unwrap())
}

fn blank() -> User {
    User {
        uid: uid("alice"),
        incarnation: u64::MAX,
        generation: 0,
        email: None,
        email_verified: false,
        initial_email: None,
        email_link_signin: false,
        username: None,
        display_name: None,
        photo_url: None,
        phone_number: None,
        password_hash: None,
        password_updated_at: None,
        providers: Vec::new(),
        valid_since_secs: None,
        disabled: false,
        created_at: Timestamp::from_micros(1_700_000_000_000_001),
        last_login_at: None,
        last_refresh_at: None,
        custom_auth: false,
        custom_attributes: None,
        attributes: Map::new(),
    }
}

fn full() -> User {
    let some = |text: &str| Some(text.to_owned());
    User {
        generation: u32::MAX,
        email: email("alice@example.com"),
        email_verified: true,
        initial_email: email("first@example.com"),
        email_link_signin: true,
        username: Some(Username::parse("Alice.1").unwrap()),
        display_name: some("Älice \"A\""),
        photo_url: some("https://example.com/a.png"),
        phone_number: Some(Phone::parse("+15551234567").unwrap()),
        password_hash: Some(PasswordHash(
            "$argon2id$v=19$m=19456,t=2,p=1$c2$aA".to_owned(),
        )),
        password_updated_at: Some(Timestamp::from_micros(2)),
        providers: vec![
            ProviderInfo {
                provider_id: "google.com".to_owned(),
                raw_id: "1".to_owned(),
                federated_id: some("https://accounts.google.com/1"),
                email: some("g@example.com"),
                display_name: some("G"),
                photo_url: some("p"),
                phone_number: some("+15550000000"),
                screen_name: some("s"),
            },
            ProviderInfo {
                provider_id: "oidc.x".to_owned(),
                raw_id: "2".to_owned(),
                ..ProviderInfo::default()
            },
        ],
        valid_since_secs: Some(-3),
        disabled: true,
        created_at: Timestamp::from_micros(4),
        last_login_at: Some(Timestamp::from_micros(5)),
        last_refresh_at: Some(Timestamp::from_micros(6)),
        custom_auth: true,
        custom_attributes: Some(object(json!({"role": "admin"}))),
        attributes: object(json!({"plan": {"seats": 3}})),
        ..blank()
    }
}

const BLANK: &str =
    r#"{"uid":"alice","incarnation":18446744073709551615,"created_at":1700000000000001}"#;
const FULL: &str = concat!(
    r#"{"uid":"alice","incarnation":18446744073709551615,"generation":4294967295,"#,
    r#""email":"alice@example.com","email_verified":true,"initial_email":"first@example.com","#,
    r#""email_link_signin":true,"username":"Alice.1","display_name":"Älice \"A\"","#,
    r#""photo_url":"https://example.com/a.png","phone_number":"+15551234567","#,
    r#""password_hash":"$argon2id$v=19$m=19456,t=2,p=1$c2$aA","password_updated_at":2,"#,
    r#""providers":[{"providerId":"google.com","rawId":"1","federatedId":"https://accounts.google.com/1","#,
    r#""email":"g@example.com","displayName":"G","photoUrl":"p","phoneNumber":"+15550000000","screenName":"s"},"#,
    r#"{"providerId":"oidc.x","rawId":"2"}],"valid_since":-3,"disabled":true,"created_at":4,"#,
    r#""last_login_at":5,"last_refresh_at":6,"custom_auth":true,"custom_attributes":{"role":"admin"},"#,
    r#""attributes":{"plan":{"seats":3}}}"#,
);

#[test]
fn a_user_is_its_format_and_json() {
    for (user, text) in [(blank(), BLANK), (full(), FULL)] {
        let stored = [b"\x01", text.as_bytes()].concat();
        assert_eq!(
            user.encode().unwrap().escape_ascii().to_string(),
            stored.escape_ascii().to_string()
        );
        assert_eq!(User::decode(&stored).unwrap(), user);
    }
}

#[test]
fn every_key_is_where_it_was() {
    let pool = Pool::of(&ProjectId::parse("demo").unwrap());
    let tenant = Pool {
        tenant: Some("t-1".into()),
        ..pool.clone()
    };
    let session = SessionId(std::array::from_fn(|at| 0xf0 + u8::try_from(at).unwrap()));
    let address = Email::parse("Alice@Example.com").unwrap();
    let name = Username::parse("Alice.1").unwrap();
    let phone = Phone::parse("+15551234567").unwrap();
    for (key, stored) in [
        (pool.user(&uid("alice")), r"demo\x00\x00alice"),
        (tenant.user(&uid("alice")), r"demo\x00t-1\x00alice"),
        (pool.email(&address), r"demo\x00\x00ealice@example.com"),
        (
            pool.initial_email_of(&address, &uid("bob")),
            r"demo\x00\x00ialice@example.com\x00bob",
        ),
        (pool.phone(&phone), r"demo\x00\x00p+15551234567"),
        (pool.username(&name), r"demo\x00\x00nalice.1"),
        (
            pool.federated("google.com", "1"),
            r"demo\x00\x00fgoogle.com\x001",
        ),
        (
            pool.ended_session(&uid("ü"), &session),
            r"demo\x00\x00s\x00\x02\xc3\xbc\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff",
        ),
    ] {
        assert_eq!(key.escape_ascii().to_string(), stored);
    }
}

#[test]
fn a_user_and_an_ended_session_make_these_index_rows() {
    let accounts = Accounts::new();
    let address = |text: &str| Edit::Set(Email::parse(text).unwrap());
    let first = Change {
        email: address("first@example.com"),
        ..Change::default()
    };
    accounts.create(1, "alice", first).unwrap();
    let change = Change {
        email: address("alice@example.com"),
        username: Edit::Set(Username::parse("Alice.1").unwrap()),
        phone_number: Edit::Set(Phone::parse("+15551234567").unwrap()),
        link_provider: Some(ProviderInfo {
            provider_id: "google.com".to_owned(),
            raw_id: "1".to_owned(),
            ..ProviderInfo::default()
        }),
        ..Change::default()
    };
    accounts.update(2, &uid("alice"), change).unwrap();
    let end = |tx: &mut WriteTx<'_>, _: &mut OpContext<'_>| {
        sessions::end(tx, &accounts.pool, &uid("alice"), &SessionId([b'.'; 16]))
    };
    accounts.write(3, end).unwrap();
    let page = accounts.read().scan(
        Space::SysUserIndex,
        &KeyRange::prefix(b""),
        Direction::Forward,
        PageLimit::default(),
    );
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let rows: Vec<_> = page.unwrap().rows;
    let rows: Vec<_> = rows
        .iter()
        .map(|(key, uid)| (text(key), text(uid)))
        .collect();
    let expected = [
        (r"demo\x00\x00ealice@example.com", "alice"),
        (r"demo\x00\x00fgoogle.com\x001", "alice"),
        (r"demo\x00\x00ifirst@example.com\x00alice", "alice"),
        (r"demo\x00\x00nalice.1", "alice"),
        (r"demo\x00\x00p+15551234567", "alice"),
        (r"demo\x00\x00s\x00\x05alice................", ""),
    ];
    assert_eq!(
        rows,
        expected.map(|(key, uid)| (key.to_owned(), uid.to_owned()))
    );
}

/// Always the same byte.
struct Same(u8);

impl Rng for Same {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

#[test]
fn a_refresh_token_is_its_prefix_and_sealed_json() {
    const HEAD: &str = concat!(
        r#"{"s":"abababababababababababababababab","u":"alice","i":18446744073709551615,"#,
        r#""t":1700000000,"p":"custom""#,
    );
    let key = || SealKey::from_bytes([7; 32]);
    let keys = SessionKeys::new(vec![key()]);
    let pool = Pool::of(&ProjectId::parse("demo").unwrap());
    for (claims, tail) in [
        (json!({}), "}"),
        (json!({"role": "admin"}), r#","c":{"role":"admin"}}"#),
    ] {
        let session = Session {
            id: SessionId([0xab; 16]),
            uid: uid("alice"),
            incarnation: u64::MAX,
            auth_time_secs: 1_700_000_000,
            provider: "custom".to_owned(),
            claims: object(claims),
        };
        let sealed = key().seal([1; 12], format!("{HEAD}{tail}").as_bytes(), b"demo\0\0");
        let token = format!("fk1.{}", URL_SAFE_NO_PAD.encode(sealed));
        let (now, rng) = (Timestamp::from_secs(0), &mut Same(1));
        let made = keys.seal(&mut OpContext { now, rng }, &pool, &session);
        assert_eq!(made.unwrap().0, token);
        assert_eq!(keys.open(&pool, &token).unwrap(), session);
    }
}
