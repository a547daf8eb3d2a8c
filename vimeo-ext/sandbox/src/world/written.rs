//! How parts of a world are written that have no form of their own in JSON.

/// Maps whose keys are no text: as a list of pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Bytes: as Base64.
pub(crate) mod base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)).transpose()
    }
}

/// Uploads, which stand written in full beside the version that they belong to: as their tickets.
pub(crate) mod tickets {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::world::upload::{Upload, is_ticket};

    pub(crate) fn serialize<S: Serializer>(
        uploads: &BTreeMap<String, Arc<Upload>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(uploads.keys())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Arc<Upload>>, D::Error> {
        let tickets = Vec::<String>::deserialize(deserializer)?;
        let uploads = tickets.into_iter().map(|ticket| match is_ticket(&ticket) {
            true => Ok((ticket.clone(), Arc::new(Upload::unknown(ticket)))),
            false => Err(D::Error::custom("an upload's ticket cannot be read")),
        });
        uploads.collect()
    }
}
