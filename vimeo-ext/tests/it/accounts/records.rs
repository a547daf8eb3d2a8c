//! Records as stores are given them.

use chrono::{DateTime, Utc};
use vimeo_ext::accounts::{
    Account, AccountId, AccountRecord, Connection, ConnectionId, ConnectionRecord, KeyId, Sealed, Status,
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
        secrets: Sealed { key: KeyId::new("k1"), bytes: vec![9, 8, 7] },
    }
}
