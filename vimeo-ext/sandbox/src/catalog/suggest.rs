//! The operation that somebody may have meant.

use http::Method;

use super::{Operation, Segment, TABLE};

/// What a segment costs that one path has and the other has not.
const MISSING: f64 = 1.0;

/// How long a path may be to be taken for a slip: twice the longest that the API has.
const LONGEST: usize = 256;

/// The operation closest to a request that means none, as `METHOD /path`; `None` where nothing is near.
pub(crate) fn nearest(method: &Method, path: &str) -> Option<String> {
    if path.len() > LONGEST {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let cost = |operation: &Operation| {
        distance(&operation.segments, &parts) + other_method(method, &operation.method)
    };
    let costs = TABLE.operations.iter().map(|operation| (cost(operation), operation));
    let (cost, operation) = costs.min_by(|(one, _), (other, _)| one.total_cmp(other))?;
    // More than half of the path wrong is no slip any more.
    let near = cost <= (parts.len() as f64 / 2.0).max(1.0);
    near.then(|| format!("{} {}", operation.method, operation.path))
}

/// What another method costs: one way of writing is more easily taken for another than for anything else.
fn other_method(sent: &Method, meant: &Method) -> f64 {
    let writes = |method: &Method| matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match sent == meant {
        true => 0.0,
        false if writes(sent) && writes(meant) => 0.3,
        false => 0.4,
    }
}

/// How many segments must be changed, each weighed by how much of it is.
fn distance(segments: &[Segment], parts: &[&str]) -> f64 {
    let mut costs: Vec<f64> = (0..=parts.len()).map(|count| count as f64 * MISSING).collect();
    for (row, segment) in segments.iter().enumerate() {
        let mut diagonal = row as f64 * MISSING;
        let mut left = (row + 1) as f64 * MISSING;
        for (cost, part) in costs.iter_mut().skip(1).zip(parts) {
            let best = (diagonal + exchange(segment, part)).min(*cost + MISSING).min(left + MISSING);
            (diagonal, left) = (*cost, best);
            *cost = best;
        }
        if let Some(first) = costs.first_mut() {
            *first = (row + 1) as f64 * MISSING;
        }
    }
    costs.last().copied().unwrap_or_default()
}

fn exchange(segment: &Segment, part: &str) -> f64 {
    match segment {
        Segment::Word(word) => 1.0 - strsim::normalized_levenshtein(word, part),
        // What names something is most often a number.
        Segment::Parameter(_) if part.bytes().all(|byte| byte.is_ascii_digit()) => 0.0,
        Segment::Parameter(_) => 0.3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
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
