//! How an upload is cut into PATCH requests. Pure arithmetic: no I/O, no state.

use std::num::NonZeroU64;
use std::ops::Range;

const MIB: u64 = 1024 * 1024;

/// The most PATCH requests an undisturbed upload is ever cut into.
pub const MAX_CHUNKS: u64 = 1024;

/// A chunk size that fits most lines when chunks are wanted: 128 MiB.
///
/// Vimeo's people advise 128 MiB to 512 MiB; under 10 MiB the round trips begin to show.
pub const SUGGESTED_CHUNK: NonZeroU64 = match NonZeroU64::new(128 * MIB) {
    Some(chunk) => chunk,
    None => NonZeroU64::MIN,
};

/// How the bytes are spread over requests. Default: [`Chunking::Whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Chunking {
    /// One PATCH carries all that the server does not have yet.
    ///
    /// The fastest way, and a broken connection still costs only what the server has not stored.
    #[default]
    Whole,
    /// PATCH requests of at most this many bytes; [`SUGGESTED_CHUNK`] is a good value.
    ///
    /// For lines behind a proxy that buffers or limits a request's body, and for acknowledged
    /// progress at every boundary. A value that would need more than [`MAX_CHUNKS`] requests is
    /// raised, to whole MiB, until it does not.
    Fixed(NonZeroU64),
}

/// The cut of one upload of a known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    size: u64,
    chunk: Option<u64>,
}

impl Plan {
    /// Plans an upload of `size` bytes.
    ///
    /// `replay` is the most that the source can give a second time, if that is limited: a chunk is
    /// then no larger, because a chunk that breaks must be sent again from it.
    pub(crate) fn new(size: u64, chunking: Chunking, replay: Option<u64>) -> Self {
        let wanted = match chunking {
            Chunking::Whole => None,
            Chunking::Fixed(chunk) => Some(raised(size, chunk.get())),
        };
        let chunk = match (wanted, replay) {
            (Some(chunk), Some(replay)) => Some(chunk.min(replay)),
            (chunk, replay) => chunk.or(replay),
        };
        Self { size, chunk: chunk.map(|chunk| chunk.max(1)) }
    }

    /// The bytes that go next when the server stands at `offset`.
    ///
    /// Chunks end on a fixed grid, so an upload resumed in the middle of a chunk comes back to the
    /// boundaries it would have had; otherwise each break could add a request to the count.
    pub(crate) fn next(&self, offset: u64) -> Range<u64> {
        let end = match self.chunk {
            None => self.size,
            Some(chunk) => (offset / chunk).saturating_add(1).saturating_mul(chunk).min(self.size),
        };
        offset.min(self.size)..end
    }
}

/// The buffer that a source without a way back needs, so that `size` bytes take at most
/// [`MAX_CHUNKS`] requests: `wanted`, or more for a very large upload.
pub(crate) fn raised(size: u64, wanted: u64) -> u64 {
    if size.div_ceil(wanted.max(1)) <= MAX_CHUNKS {
        return wanted.max(1);
    }
    size.div_ceil(MAX_CHUNKS).next_multiple_of(MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * MIB;

    fn fixed(chunk: u64) -> Chunking {
        Chunking::Fixed(NonZeroU64::new(chunk).unwrap())
    }

    fn walk(plan: Plan) -> Vec<Range<u64>> {
        let mut at = 0;
        let mut ranges = Vec::new();
        while at < plan.size {
            let range = plan.next(at);
            assert_eq!(range.start, at, "no gap, no overlap");
            assert!(range.end > at, "each request carries something");
            at = range.end;
            ranges.push(range);
        }
        ranges
    }

    /// BEHAVIOUR.md: U11.
    #[test]
    fn chunks_cover_a_file_of_any_size() {
        // (size, chunking, requests, first length, last length)
        let table = [
            (0, Chunking::Whole, 0, 0, 0),
            (1, Chunking::Whole, 1, 1, 1),
            (5 * GIB, Chunking::Whole, 1, 5 * GIB, 5 * GIB),
            (0, fixed(MIB), 0, 0, 0),
            (1, fixed(MIB), 1, 1, 1),
            (MIB - 1, fixed(MIB), 1, MIB - 1, MIB - 1),
            (MIB, fixed(MIB), 1, MIB, MIB),
            (MIB + 1, fixed(MIB), 2, MIB, 1),
            (4 * MIB, fixed(MIB), 4, MIB, MIB),
            (5 * GIB + 1, Chunking::Fixed(SUGGESTED_CHUNK), 41, 128 * MIB, 1),
            (1024 * MIB, fixed(MIB), 1024, MIB, MIB),
            // One byte too many for 1024 chunks of 1 MiB: the chunk is raised to 2 MiB.
            (1024 * MIB + 1, fixed(MIB), 513, 2 * MIB, 1),
            (5 * GIB, fixed(1), 1024, 5 * MIB, 5 * MIB),
            (1024 * GIB, Chunking::Fixed(SUGGESTED_CHUNK), 1024, GIB, GIB),
        ];
        for (size, chunking, requests, first, last) in table {
            let ranges = walk(Plan::new(size, chunking, None));
            let length = |range: Option<&Range<u64>>| range.map_or(0, |range| range.end - range.start);
            assert_eq!(ranges.len(), requests, "requests for {size} bytes, {chunking:?}");
            assert_eq!(length(ranges.first()), first, "first of {size} bytes, {chunking:?}");
            assert_eq!(length(ranges.last()), last, "last of {size} bytes, {chunking:?}");
            assert!(ranges.len() as u64 <= MAX_CHUNKS);
        }
    }

    #[test]
    fn a_break_inside_a_chunk_returns_to_the_chunk_boundaries() {
        let plan = Plan::new(10, fixed(4), None);
        assert_eq!(plan.next(0), 0..4);
        assert_eq!(plan.next(1), 1..4);
        assert_eq!(plan.next(4), 4..8);
        assert_eq!(plan.next(9), 9..10);
        assert_eq!(plan.next(10), 10..10);
        assert_eq!(plan.next(11), 10..10, "past the end there is nothing");
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        assert_eq!(Plan::new(u64::MAX, Chunking::Whole, None).next(7), 7..u64::MAX);
        let plan = Plan::new(u64::MAX, fixed(u64::MAX), None);
        assert_eq!(plan.next(u64::MAX - 1), u64::MAX - 1..u64::MAX);
        assert!(walk(Plan::new(u64::MAX, fixed(1), None)).len() as u64 <= MAX_CHUNKS);
    }

    #[test]
    fn a_chunk_is_no_larger_than_what_the_source_can_replay() {
        assert_eq!(Plan::new(100, Chunking::Whole, Some(30)).next(0), 0..30);
        assert_eq!(Plan::new(100, fixed(50), Some(30)).next(30), 30..60);
        assert_eq!(Plan::new(100, fixed(20), Some(30)).next(0), 0..20);
    }
}
