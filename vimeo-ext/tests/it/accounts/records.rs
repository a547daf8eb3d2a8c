//! Records for tests of stores.

use chrono::{DateTime, Utc};
use vimeo_ext::accounts::{
    Account, AccountId, AccountRecord, Ciphertext, Connection, ConnectionId, ConnectionRecord, KeyId, Status,
    StatusEvent,
};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

pub(crate) fn account(id: &AccountId, status: Status) -> AccountRecord {
    AccountRecord { account: Account::new(id.clone(), status, start()), secrets: None }
}

pub(crate) fn event(id: &AccountId, from: Option<Status>, to: Option<Status>) -> StatusEvent {
    StatusEvent::new(id, from, to, None, start())
}

pub(crate) fn connection(id: &str, name: &str) -> ConnectionRecord {
    ConnectionRecord {
        connection: Connection::new(ConnectionId::new(id), name.to_owned(), "client".to_owned(), start()),
        secrets: Ciphertext { key: KeyId::new("k1"), bytes: vec![9, 8, 7] },
    }
}

#[test]
fn serializes_records_without_secrets() {
    let connection = connection("c1", "Main").connection;
    assert_eq!(
        serde_json::to_value(&connection).unwrap(),
        serde_json::json!({
            "connectionId": "c1", "name": "Main", "description": null, "enabled": true,
            "clientIdentifier": connection.client_identifier, "version": 1,
        })
    );
    let id = AccountId::new("user 7").unwrap();
    let account = serde_json::to_value(account(&id, Status::Active).account).unwrap();
    assert_eq!((&account["id"], &account["status"]), (&"user 7".into(), &"active".into()));
    let event = serde_json::to_value(event(&id, None, Some(Status::Pending))).unwrap();
    assert_eq!(
        (&event["account"], &event["from"], &event["to"]),
        (&"user 7".into(), &().into(), &"pending".into())
    );
}
