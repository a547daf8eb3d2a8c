//! The API description as data: operations with method, path and scopes, the schemas of request and response bodies,
//! and the collections without rules of their own. The router maps operations to handlers.

pub(crate) mod collections;
pub(crate) mod schema;
pub(crate) mod suggest;

use std::collections::HashMap;
use std::sync::LazyLock;

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use collections::Member;
use schema::{Field, Type};

/// One operation of the API.
pub(crate) struct Operation {
    /// Vimeo's name of the operation.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// The path with `{parameters}`.
    pub(crate) path: &'static str,
    segments: Vec<Segment>,
    /// The required scopes, all of them; empty if `public` is enough.
    pub(crate) scopes: Vec<&'static str>,
    /// Whether the token must have a user.
    pub(crate) needs_user: bool,
    pub(crate) returns_page: bool,
    pub(crate) knows_modified_since: bool,
    /// The query parameters.
    pub(crate) query: Vec<Field>,
    pub(crate) body: Option<Body>,
    /// The success responses: status, and the type of the body if there is one.
    pub(crate) answers: Vec<(StatusCode, Option<Type>)>,
    /// What the operation does to which collection, if the collection has no rules of its own.
    pub(crate) member: Option<Member>,
}

/// The request body of an operation.
pub(crate) struct Body {
    pub(crate) ty: Type,
    pub(crate) required: bool,
}

enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

/// The values of path parameters, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Sets the parameter of a resource that the path does not name, or replaces it, because the resource was only
    /// now created.
    pub(crate) fn put(&mut self, name: &'static str, id: u64) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, id.to_string()));
    }

    /// Returns a numeric parameter; `None` if it is not a number.
    pub(crate) fn id(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

/// The result of a lookup.
pub(crate) enum Found {
    Operation(&'static Operation, Params),
    /// The path exists with other methods.
    OtherMethods(Vec<Method>),
    Nothing,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../generated/operations.tsv"), EXTRA_OPERATIONS));

/// Operations of Vimeo's host that the description lacks: the pages and the device grant of OAuth. Their names are
/// the sandbox's own.
const EXTRA_OPERATIONS: &str = "\
/oauth/authorize\tGET\tauthorize_page\t-\t-\t-\t-\t-\t-\t-
/oauth/authorize\tPOST\tauthorize_decision\t-\t-\t-\t-\t-\t-\t-
/oauth/device\tPOST\tdevice_code\t-\t-\t-\t-\t-\t-\t-
/oauth/device/authorize\tPOST\tdevice_token\t-\t-\t-\t-\t-\t-\t-
/oauth/device/activate\tGET\tdevice_activate_page\t-\t-\t-\t-\t-\t-\t-
/oauth/device/activate\tPOST\tdevice_activate_decision\t-\t-\t-\t-\t-\t-\t-
";

struct Table {
    operations: Vec<Operation>,
    /// Operations by the number of path segments, those with literals before those with parameters.
    by_length: HashMap<usize, Vec<usize>>,
}

impl Table {
    fn read(text: &'static str, extra: &'static str) -> Self {
        let operations: Vec<Operation> =
            text.lines().chain(extra.lines()).filter_map(Operation::read).collect();
        let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
        for (place, operation) in operations.iter().enumerate() {
            by_length.entry(operation.segments.len()).or_default().push(place);
        }
        for places in by_length.values_mut() {
            places.sort_by_key(|place| {
                operations.get(*place).map(|operation| {
                    operation.segments.iter().map(|s| matches!(s, Segment::Parameter(_))).collect::<Vec<_>>()
                })
            });
        }
        Self { operations, by_length }
    }

    fn of_length(&self, length: usize) -> impl Iterator<Item = &Operation> {
        self.by_length.get(&length).into_iter().flatten().filter_map(|place| self.operations.get(*place))
    }
}

impl Operation {
    fn read(line: &'static str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let mut columns = line.split('\t');
        let path = columns.next()?;
        let method = columns.next()?.parse().ok()?;
        let name = columns.next()?;
        let scopes = columns.next()?;
        let user = columns.next()?;
        let page = columns.next()?;
        let modified = columns.next()?;
        // Handlers read path parameters themselves.
        let query = columns.next()?.split(' ').filter(|text| !text.starts_with('{')).filter_map(Field::read);
        let body = columns.next()?;
        let answers = columns.next()?;
        let word = |part: &'static str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(parameter) => Segment::Parameter(parameter),
            None => Segment::Literal(part),
        };
        let member = collections::find(&method, path);
        Some(Self {
            name,
            method,
            path,
            segments: path.split('/').filter(|part| !part.is_empty()).map(word).collect(),
            scopes: scopes.split(',').filter(|scope| *scope != "-" && *scope != "public").collect(),
            needs_user: user == "user" || path == "/me" || path.starts_with("/me/"),
            returns_page: page == "page",
            knows_modified_since: modified == "modified",
            query: query.collect(),
            body: Body::read(body),
            answers: answers.split(' ').filter_map(answer).collect(),
            member,
        })
    }

    /// Returns the first success response with a body.
    pub(crate) fn answer(&self) -> Option<(StatusCode, Type)> {
        self.answers.iter().find_map(|(status, ty)| ty.map(|ty| (*status, ty)))
    }

    fn matches(&self, parts: &[&str]) -> Option<Params> {
        let mut params = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Segment::Literal(word) if word == part => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(name) => {
                    params.push((*name, percent_decode_str(part).decode_utf8_lossy().into_owned()));
                }
            }
        }
        Some(Params(params))
    }
}

impl Body {
    fn read(text: &'static str) -> Option<Self> {
        let (ty, required) = text.strip_suffix('!').map_or((text, false), |ty| (ty, true));
        (ty != "-").then(|| Self { ty: Type::read(ty), required })
    }
}

fn answer(text: &'static str) -> Option<(StatusCode, Option<Type>)> {
    let (status, ty) =
        text.split_once(':').map_or((text, None), |(status, ty)| (status, Some(Type::read(ty))));
    Some((status.parse().ok()?, ty))
}

/// Looks up an operation. Double and trailing slashes are ignored, as Vimeo ignores them.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut others = Vec::new();
    for operation in TABLE.of_length(parts.len()) {
        if let Some(params) = operation.matches(&parts) {
            if operation.method == *method {
                return Found::Operation(operation, params);
            }
            others.push(operation.method.clone());
        }
    }
    if !others.is_empty() {
        return Found::OtherMethods(others);
    }
    match with_projects(&parts) {
        Some(path) => find(method, &path),
        None => Found::Nothing,
    }
}

/// Returns for each part of a path whether it is a literal of the API rather than a parameter; `None` if no operation has
/// such a path.
#[cfg(feature = "record")]
pub(crate) fn literals(path: &str) -> Option<Vec<bool>> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(operation) =
        TABLE.of_length(parts.len()).find(|operation| operation.matches(&parts).is_some())
    {
        return Some(operation.segments.iter().map(|s| matches!(s, Segment::Literal(_))).collect());
    }
    literals(&with_projects(&parts)?)
}

/// Returns every literal in the API's paths.
#[cfg(feature = "record")]
pub(crate) fn path_words() -> impl Iterator<Item = &'static str> {
    let segments = TABLE.operations.iter().flat_map(|operation| &operation.segments);
    segments.filter_map(|segment| match segment {
        Segment::Literal(word) => Some(*word),
        Segment::Parameter(_) => None,
    })
}

/// Returns the paths of single items of a schema.
pub(crate) fn places(schema: &str) -> &'static [&'static str] {
    static PLACES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for operation in &TABLE.operations {
            if let Some((_, Type::Named(schema))) = operation.answer()
                && operation.method == Method::GET
                && operation.path.ends_with('}')
            {
                places.entry(schema).or_default().push(operation.path);
            }
        }
        places
    });
    PLACES.get(schema).map_or(&[], Vec::as_slice)
}

/// Returns the methods of a path.
pub(crate) fn methods_at(path: &str) -> Vec<Method> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let there = TABLE.of_length(parts.len()).filter(|operation| operation.matches(&parts).is_some());
    there.map(|operation| operation.method.clone()).collect()
}

/// Returns a path with `projects` in place of its first `folders`: Vimeo also links to `folders`, which behave like the
/// described `projects`. `None` if it has none, or if no operation has a path of this length, however it is renamed.
fn with_projects(parts: &[&str]) -> Option<String> {
    let place = parts.iter().position(|part| *part == "folders")?;
    TABLE.of_length(parts.len()).next()?;
    let renamed = parts.iter().enumerate().map(|(at, part)| if at == place { "projects" } else { part });
    Some(renamed.fold(String::new(), |path, part| path + "/" + part))
}

/// Returns every operation.
pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    TABLE.operations.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_operations_by_path() {
        for (method, path, expected) in [
            ("GET", "/", "get_endpoints"),
            ("GET", "/me", "get_user_alt1"),
            ("GET", "/users/12", "get_user"),
            ("GET", "/me/videos/", "get_videos_alt1"),
            ("GET", "//me//videos", "get_videos_alt1"),
            ("POST", "/me/videos", "upload_video_alt1"),
            ("PUT", "/videos/5/tags/caf%C3%A9", "add_video_tag"),
            ("GET", "/users/5/folders/private_to_me", "get_private_to_me_folder"),
            ("GET", "/me/folders/", "get_projects_alt1"),
            ("POST", "/users/5/folders", "create_project"),
            ("PUT", "/videos/5", "405"),
            ("GET", "/nothing", "404"),
            ("GET", "/videos/5/nothing", "404"),
        ] {
            let found = match find(&method.parse().unwrap(), path) {
                Found::Operation(operation, _) => operation.name,
                Found::OtherMethods(_) => "405",
                Found::Nothing => "404",
            };
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn long_paths_of_folders_do_not_exhaust_the_stack() {
        // The longest path that the server accepts.
        let path = "/folders".repeat(8_000);
        assert!(matches!(find(&Method::GET, &path), Found::Nothing));
        #[cfg(feature = "record")]
        assert_eq!(literals(&path), None);
    }

    #[test]
    fn decodes_path_parameters() {
        let Found::Operation(operation, params) = find(&Method::PUT, "/videos/5/tags/caf%C3%A9") else {
            panic!("not found");
        };
        assert_eq!(params.id("video_id"), Some(5));
        assert_eq!(params.get("word"), "café");
        assert_eq!(params.id("word"), None);
        assert_eq!(params.get("absent"), "");
        assert_eq!(operation.scopes, ["edit"]);
        assert!(operation.needs_user);
    }

    #[test]
    fn table_is_complete() {
        assert_eq!(all().count(), 520 + EXTRA_OPERATIONS.lines().count());
        // Handlers are looked up by name.
        let names: std::collections::BTreeSet<_> = all().map(|operation| operation.name).collect();
        assert_eq!(names.len(), all().count());
        for operation in all() {
            assert!(
                operation.scopes.iter().all(|scope| crate::ALL_SCOPES.contains(scope)),
                "{}",
                operation.name
            );
        }
    }
}
