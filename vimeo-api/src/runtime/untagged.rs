//! Untagged enums: values whose JSON type varies.

/// Implements `Deserialize` and `Serialize` for an enum whose variant depends on the type of the JSON value:
/// `untagged_enum!(Name, text => Text(String), object => Details(Box<Details>))`.
///
/// Unlike serde's `untagged`, it decodes in one pass without a buffer, so an error inside a variant keeps its path.
#[allow(unused_macros)]
macro_rules! untagged_enum {
    ($name:ident, $($kind:ident => $variant:ident($type:ty)),* $(,)?) => {
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TypeVisitor;

                impl<'de> ::serde::de::Visitor<'de> for TypeVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str([$(stringify!($kind)),*].join(" or ").as_str())
                    }

                    $($crate::runtime::untagged_enum!(@$kind $name $variant $type);)*
                }

                deserializer.deserialize_any(TypeVisitor)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(value) => value.serialize(serializer),)*
                }
            }
        }
    };
    (@text $name:ident $variant:ident $type:ty) => {
        fn visit_str<E: ::serde::de::Error>(self, text: &str) -> Result<$name, E> {
            let text = ::serde::de::value::StrDeserializer::new(text);
            <$type as ::serde::Deserialize>::deserialize(text).map($name::$variant)
        }
    };
    (@integer $name:ident $variant:ident $type:ty) => {
        $crate::runtime::untagged_enum!(@visit visit_u64 u64 U64Deserializer $name $variant $type);
        $crate::runtime::untagged_enum!(@visit visit_i64 i64 I64Deserializer $name $variant $type);
    };
    (@number $name:ident $variant:ident $type:ty) => {
        $crate::runtime::untagged_enum!(@integer $name $variant $type);
        $crate::runtime::untagged_enum!(@visit visit_f64 f64 F64Deserializer $name $variant $type);
    };
    (@boolean $name:ident $variant:ident $type:ty) => {
        $crate::runtime::untagged_enum!(@visit visit_bool bool BoolDeserializer $name $variant $type);
    };
    (@visit $visit:ident $input:ident $deserializer:ident $name:ident $variant:ident $type:ty) => {
        fn $visit<E: ::serde::de::Error>(self, value: $input) -> Result<$name, E> {
            let value = ::serde::de::value::$deserializer::new(value);
            <$type as ::serde::Deserialize>::deserialize(value).map($name::$variant)
        }
    };
    (@list $name:ident $variant:ident $type:ty) => {
        fn visit_seq<A: ::serde::de::SeqAccess<'de>>(self, list: A) -> Result<$name, A::Error> {
            let list = ::serde::de::value::SeqAccessDeserializer::new(list);
            <$type as ::serde::Deserialize>::deserialize(list).map($name::$variant)
        }
    };
    (@object $name:ident $variant:ident $type:ty) => {
        fn visit_map<A: ::serde::de::MapAccess<'de>>(self, object: A) -> Result<$name, A::Error> {
            let object = ::serde::de::value::MapAccessDeserializer::new(object);
            <$type as ::serde::Deserialize>::deserialize(object).map($name::$variant)
        }
    };
}

pub(crate) use untagged_enum;

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[derive(Debug, Clone, PartialEq)]
    enum Setting {
        Text(String),
        Number(f64),
        Details(std::collections::BTreeMap<String, bool>),
    }

    untagged_enum!(Setting, text => Text(String), number => Number(f64), object => Details(std::collections::BTreeMap<String, bool>));

    #[test]
    fn json_type_selects_the_variant() {
        let cases = [
            (json!("anybody"), Setting::Text("anybody".into())),
            (json!(2.5), Setting::Number(2.5)),
            (json!({"view": true}), Setting::Details([("view".to_owned(), true)].into())),
        ];
        for (json, setting) in cases {
            assert_eq!(serde_json::from_value::<Setting>(json.clone()).unwrap(), setting);
            assert_eq!(serde_json::to_value(&setting).unwrap(), json);
        }
        let error = serde_json::from_value::<Setting>(json!(["a"])).unwrap_err().to_string();
        assert_eq!(error, "invalid type: sequence, expected text or number or object");
    }

    #[test]
    fn error_inside_a_variant_keeps_its_path() {
        let mut json = serde_json::Deserializer::from_str(r#"{"view": "yes"}"#);
        let error = serde_path_to_error::deserialize::<_, Setting>(&mut json).unwrap_err();
        assert_eq!(error.path().to_string(), "view");
    }
}
