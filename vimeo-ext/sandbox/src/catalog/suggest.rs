//! Suggests the operation that a request with an unknown path or method most likely meant.

use http::Method;

use super::{Operation, Segment, TABLE};

/// The cost of a segment that only one of the paths has.
const INSERTION_COST: f64 = 1.0;

/// Longer paths get no suggestion: twice the length of the longest path of the API.
const MAX_PATH_BYTES: usize = 256;

/// Returns the closest operation as `METHOD /path`; `None` if none is close.
pub(crate) fn nearest(method: &Method, path: &str) -> Option<String> {
    if path.len() > MAX_PATH_BYTES {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let cost = |operation: &Operation| {
        distance(&operation.segments, &parts) + method_cost(method, &operation.method)
    };
    let costs = TABLE.operations.iter().map(|operation| (cost(operation), operation));
    let (cost, operation) = costs.min_by(|(one, _), (other, _)| one.total_cmp(other))?;
    // A path that is more than half wrong is not a typo.
    let near = cost <= (parts.len() as f64 / 2.0).max(1.0);
    near.then(|| format!("{} {}", operation.method, operation.path))
}

/// Returns the cost of another method. Confusing one writing method with another is more likely.
fn method_cost(sent: &Method, meant: &Method) -> f64 {
    let writes = |method: &Method| matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match sent == meant {
        true => 0.0,
        false if writes(sent) && writes(meant) => 0.3,
        false => 0.4,
    }
}

/// Returns the edit distance in segments, each weighted by how much it differs.
fn distance(segments: &[Segment], parts: &[&str]) -> f64 {
    let mut costs: Vec<f64> = (0..=parts.len()).map(|count| count as f64 * INSERTION_COST).collect();
    for (row, segment) in segments.iter().enumerate() {
        let mut diagonal = row as f64 * INSERTION_COST;
        let mut left = (row + 1) as f64 * INSERTION_COST;
        for (cost, part) in costs.iter_mut().skip(1).zip(parts) {
            let best = (diagonal + substitution_cost(segment, part))
                .min(*cost + INSERTION_COST)
                .min(left + INSERTION_COST);
            (diagonal, left) = (*cost, best);
            *cost = best;
        }
        if let Some(first) = costs.first_mut() {
            *first = (row + 1) as f64 * INSERTION_COST;
        }
    }
    costs.last().copied().unwrap_or_default()
}

fn substitution_cost(segment: &Segment, part: &str) -> f64 {
    match segment {
        Segment::Literal(word) => 1.0 - strsim::normalized_levenshtein(word, part),
        // Most parameters are numbers.
        Segment::Parameter(_) if part.bytes().all(|byte| byte.is_ascii_digit()) => 0.0,
        Segment::Parameter(_) => 0.3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_closest_operation() {
        for (method, path, expected) in [
            ("GET", "/video/5", Some("GET /videos/{video_id}")),
            ("GET", "/me/vidoes", Some("GET /me/videos")),
            ("POST", "/videos/5", Some("PATCH /videos/{video_id}")),
            ("GET", "/videos/5/coments", Some("GET /videos/{video_id}/comments")),
            ("GET", "/videos/5/text_tracks/7", Some("GET /videos/{video_id}/texttracks/{texttrack_id}")),
            ("GET", "/v1/me/videos", Some("GET /me/videos")),
            ("GET", "/something/entirely/else/and/more", None),
        ] {
            assert_eq!(nearest(&method.parse().unwrap(), path).as_deref(), expected, "{method} {path}");
        }
    }
}
