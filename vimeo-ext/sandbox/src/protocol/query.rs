//! Query strings. Parameters keep their order, since paging links repeat them.

use url::form_urlencoded;

/// The parameters of a query, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of `name`; if it is repeated, the last one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The same parameters with `page` replaced, or appended if it was absent.
    pub(crate) fn with_page(&self, page: u64) -> String {
        let mut seen = false;
        let mut out = form_urlencoded::Serializer::new(String::new());
        for (key, value) in &self.0 {
            if key == "page" {
                if !seen {
                    out.append_pair(key, &page.to_string());
                }
                seen = true;
            } else {
                out.append_pair(key, value);
            }
        }
        if !seen {
            out.append_pair("page", &page.to_string());
        }
        out.finish()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_link_keeps_parameter_order() {
        for (query, link) in [
            ("", "page=2"),
            ("fields=uri%2Cname", "fields=uri%2Cname&page=2"),
            ("fields=uri,name", "fields=uri%2Cname&page=2"),
            ("page=1&per_page=10&sort=name", "page=2&per_page=10&sort=name"),
            ("query=a+b&page=1&page=3", "query=a+b&page=2"),
        ] {
            assert_eq!(Query::parse(query).with_page(2), link, "{query}");
        }
    }

    #[test]
    fn last_value_wins() {
        let query = Query::parse("a=1&b=&a=2");
        assert_eq!(query.get("a"), Some("2"));
        assert_eq!(query.get("b"), Some(""));
        assert_eq!(query.get("c"), None);
    }
}
