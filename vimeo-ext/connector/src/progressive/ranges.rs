//! Decides which parts an upload accepts: pure, without files.

use serde::{Deserialize, Serialize};

/// The maximum number of separate ranges that an upload can have, so that its record stays small.
const MAX_RANGES: usize = 1_000;

/// A header `Content-Range` of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentRange {
    /// `bytes first-last/*` or `bytes first-last/total`
    Part { range: ByteRange, total: Option<u64> },
    /// `bytes */total`: no bytes, but the size of the file.
    Total(u64),
}

/// A range of bytes, from `start` to before `end`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl ByteRange {
    pub(crate) fn size(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl ContentRange {
    /// Parses the value of the header.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str =
            "must be `bytes FIRST-LAST/*`, `bytes FIRST-LAST/TOTAL` or `bytes */TOTAL`, with decimal numbers";
        let (unit, rest) = text.trim().split_once(' ').ok_or(FORM)?;
        let (range, total) = rest.trim().split_once('/').ok_or(FORM)?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return Err(FORM);
        }
        let total = match total {
            "*" => None,
            total => Some(number(total).ok_or(FORM)?),
        };
        if total == Some(0) {
            return Err("the total must be more than 0: Vimeo accepts no empty file");
        }
        if range == "*" {
            return total.map(Self::Total).ok_or(FORM);
        }
        let (first, last) = range.split_once('-').ok_or(FORM)?;
        let (first, last) = (number(first).ok_or(FORM)?, number(last).ok_or(FORM)?);
        let end = last.checked_add(1).ok_or(FORM)?;
        if last < first {
            return Err("the last byte must not be before the first one");
        }
        if total.is_some_and(|total| end > total) {
            return Err("the last byte must be below the total");
        }
        Ok(Self::Part { range: ByteRange { start: first, end }, total })
    }

    /// Returns the number of bytes in the body.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Part { range, .. } => range.size(),
            Self::Total(_) => 0,
        }
    }
}

/// Parses decimal digits only: no sign, no space.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Why an upload does not accept a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The file would be larger than it may be.
    TooLarge { max_bytes: u64 },
    /// Another part gave another total.
    TotalConflict { total: u64 },
    /// The part ends after the last byte of the file.
    BeyondTotal { total: u64 },
    /// The total is less than what was received.
    TotalTooSmall { received_end: u64 },
    /// The received bytes would have too many gaps.
    TooManyRanges { max: usize },
}

/// What an upload has received: sorted ranges that neither overlap nor touch, and the total once a part has given it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) ranges: Vec<ByteRange>,
    pub(crate) total: Option<u64>,
}

impl Received {
    /// Returns what the upload has once it has received this part.
    ///
    /// # Errors
    ///
    /// The reason why it does not accept the part.
    pub(crate) fn with(&self, part: ContentRange, max_bytes: u64) -> Result<Self, Refusal> {
        let (range, total) = match part {
            ContentRange::Part { range, total } => (Some(range), total),
            ContentRange::Total(total) => (None, Some(total)),
        };
        let received_end = self.ranges.last().map_or(0, |range| range.end);
        let end = range.map_or(0, |range| range.end);
        if end.max(total.unwrap_or_default()) > max_bytes {
            return Err(Refusal::TooLarge { max_bytes });
        }
        match (self.total, total) {
            (Some(known), Some(total)) if known != total => {
                return Err(Refusal::TotalConflict { total: known });
            }
            (None, Some(total)) if total < received_end => {
                return Err(Refusal::TotalTooSmall { received_end });
            }
            (Some(known), _) if end > known => return Err(Refusal::BeyondTotal { total: known }),
            _ => {}
        }
        let ranges = match range {
            Some(range) => self.with_range(range),
            None => self.ranges.clone(),
        };
        if ranges.len() > MAX_RANGES {
            return Err(Refusal::TooManyRanges { max: MAX_RANGES });
        }
        Ok(Self { ranges, total: self.total.or(total) })
    }

    fn with_range(&self, mut range: ByteRange) -> Vec<ByteRange> {
        let mut ranges = Vec::with_capacity(self.ranges.len().saturating_add(1));
        let mut after = Vec::new();
        for known in &self.ranges {
            if known.end < range.start {
                ranges.push(*known);
            } else if known.start > range.end {
                after.push(*known);
            } else {
                range = ByteRange { start: known.start.min(range.start), end: known.end.max(range.end) };
            }
        }
        ranges.push(range);
        ranges.append(&mut after);
        ranges
    }

    /// Returns the pieces of a range, in order, each with whether it was received before.
    pub(crate) fn pieces(&self, range: ByteRange) -> Vec<(ByteRange, bool)> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        for known in &self.ranges {
            let (start, end) = (known.start.max(at), known.end.min(range.end));
            if start >= end {
                continue;
            }
            if at < start {
                pieces.push((ByteRange { start: at, end: start }, false));
            }
            pieces.push((ByteRange { start, end }, true));
            at = end;
        }
        if at < range.end {
            pieces.push((ByteRange { start: at, end: range.end }, false));
        }
        pieces
    }

    /// Returns the number of bytes that were received.
    pub(crate) fn size(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(range.size()))
    }

    /// Whether the total is known and no byte is missing.
    pub(crate) fn is_complete(&self) -> bool {
        matches!((&*self.ranges, self.total), ([only], Some(total)) if *only == (ByteRange { start: 0, end: total }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(start: u64, end: u64, total: Option<u64>) -> ContentRange {
        ContentRange::Part { range: ByteRange { start, end }, total }
    }

    fn received(ranges: &[(u64, u64)], total: Option<u64>) -> Received {
        let ranges = ranges.iter().map(|&(start, end)| ByteRange { start, end }).collect();
        Received { ranges, total }
    }

    #[test]
    fn content_ranges_have_three_forms() {
        for (text, expected) in [
            ("bytes 0-9/*", Some(part(0, 10, None))),
            ("bytes 10-19/20", Some(part(10, 20, Some(20)))),
            ("bytes 5-5/20", Some(part(5, 6, Some(20)))),
            ("Bytes  0-0/1 ", Some(part(0, 1, Some(1)))),
            ("bytes */20", Some(ContentRange::Total(20))),
            ("bytes */*", None),
            ("bytes */0", None),
            ("bytes 0-9/9", None),
            ("bytes 9-8/*", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes 0-18446744073709551616/*", None),
            ("bytes +0-9/*", None),
            ("bytes -9/*", None),
            ("bytes 0-/*", None),
            ("bytes 0-9", None),
            ("bytes 0-9/", None),
            ("bytes=0-9/*", None),
            ("items 0-9/*", None),
            ("part 1/*", None),
            ("0-9/*", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn parts_arrive_in_any_order() {
        // (before, part, after)
        let table = [
            (received(&[], None), part(0, 10, None), received(&[(0, 10)], None)),
            (received(&[], None), part(90, 100, Some(100)), received(&[(90, 100)], Some(100))),
            (received(&[(10, 20)], None), part(0, 5, None), received(&[(0, 5), (10, 20)], None)),
            (received(&[(0, 5), (10, 20)], None), part(5, 10, None), received(&[(0, 20)], None)),
            // Again, inside, over and around what was received.
            (received(&[(0, 10)], None), part(0, 10, None), received(&[(0, 10)], None)),
            (received(&[(0, 10)], None), part(2, 5, None), received(&[(0, 10)], None)),
            (received(&[(0, 10)], None), part(5, 15, None), received(&[(0, 15)], None)),
            (received(&[(2, 4), (6, 8)], None), part(0, 9, None), received(&[(0, 9)], None)),
            // The total, from any part, from the last one, and alone.
            (received(&[(0, 10)], None), part(10, 20, Some(30)), received(&[(0, 20)], Some(30))),
            (received(&[(0, 10)], None), part(10, 20, Some(20)), received(&[(0, 20)], Some(20))),
            (received(&[(0, 10)], None), ContentRange::Total(10), received(&[(0, 10)], Some(10))),
            (received(&[(0, 10)], Some(10)), ContentRange::Total(10), received(&[(0, 10)], Some(10))),
            (received(&[(5, 20)], Some(20)), part(0, 5, None), received(&[(0, 20)], Some(20))),
        ];
        for (before, part, after) in table {
            assert_eq!(before.with(part, 100), Ok(after), "{before:?} {part:?}");
        }
    }

    #[test]
    fn parts_that_contradict_are_refused() {
        // (before, part, why)
        let table = [
            (received(&[], None), part(95, 101, None), Refusal::TooLarge { max_bytes: 100 }),
            (received(&[], None), part(0, 1, Some(101)), Refusal::TooLarge { max_bytes: 100 }),
            (received(&[], None), ContentRange::Total(101), Refusal::TooLarge { max_bytes: 100 }),
            // Two last parts.
            (received(&[(0, 20)], Some(20)), part(20, 30, Some(30)), Refusal::TotalConflict { total: 20 }),
            (received(&[(0, 20)], Some(20)), part(0, 10, Some(10)), Refusal::TotalConflict { total: 20 }),
            (received(&[], Some(20)), ContentRange::Total(30), Refusal::TotalConflict { total: 20 }),
            // A part after the last one.
            (received(&[(10, 20)], Some(20)), part(20, 30, None), Refusal::BeyondTotal { total: 20 }),
            (received(&[], Some(20)), part(15, 25, None), Refusal::BeyondTotal { total: 20 }),
            // A last part before others.
            (
                received(&[(20, 30)], None),
                part(10, 20, Some(20)),
                Refusal::TotalTooSmall { received_end: 30 },
            ),
            (
                received(&[(0, 30)], None),
                ContentRange::Total(20),
                Refusal::TotalTooSmall { received_end: 30 },
            ),
        ];
        for (before, part, why) in table {
            assert_eq!(before.with(part, 100), Err(why), "{before:?} {part:?}");
        }
    }

    #[test]
    fn ranges_are_bounded() {
        let mut all = Received::default();
        for number in 0..MAX_RANGES as u64 {
            all = all.with(part(number * 2, number * 2 + 1, None), u64::MAX).unwrap();
        }
        let beyond = MAX_RANGES as u64 * 2;
        let refused = all.with(part(beyond, beyond + 1, None), u64::MAX);
        assert_eq!(refused, Err(Refusal::TooManyRanges { max: MAX_RANGES }));
        all.with(part(1, 2, None), u64::MAX).unwrap();
    }

    #[test]
    fn pieces_tell_what_was_received() {
        let known = received(&[(2, 4), (6, 8)], None);
        /// A range, and its pieces as start, end, received.
        type Case<'a> = ((u64, u64), &'a [(u64, u64, bool)]);
        let table: [Case; 6] = [
            ((0, 2), &[(0, 2, false)]),
            ((2, 4), &[(2, 4, true)]),
            ((3, 4), &[(3, 4, true)]),
            ((0, 10), &[(0, 2, false), (2, 4, true), (4, 6, false), (6, 8, true), (8, 10, false)]),
            ((3, 7), &[(3, 4, true), (4, 6, false), (6, 7, true)]),
            ((8, 9), &[(8, 9, false)]),
        ];
        for ((start, end), expected) in table {
            let pieces = known.pieces(ByteRange { start, end });
            let pieces: Vec<_> =
                pieces.iter().map(|(range, known)| (range.start, range.end, *known)).collect();
            assert_eq!(pieces, expected, "{start}..{end}");
        }
    }

    #[test]
    fn complete_uploads_have_a_total_and_no_gap() {
        for (received, complete) in [
            (received(&[(0, 10)], Some(10)), true),
            (received(&[(0, 10)], None), false),
            (received(&[(0, 9)], Some(10)), false),
            (received(&[(0, 4), (5, 10)], Some(10)), false),
            (received(&[(1, 10)], Some(10)), false),
            (received(&[], Some(10)), false),
            (received(&[], None), false),
        ] {
            assert_eq!(received.is_complete(), complete, "{received:?}");
        }
        assert_eq!(received(&[(0, 4), (5, 10)], None).size(), 9);
    }
}
