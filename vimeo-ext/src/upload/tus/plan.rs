//! How an upload is cut into PATCH requests. Pure arithmetic: no I/O, no state.

use std::num::NonZeroU64;
use std::ops::Range;

const MIB: u64 = 1024 * 1024;

/// No request is made smaller than this because others of its size failed: 256 KiB.
pub(crate) const MIN_ADAPTED: u64 = 256 * 1024;

/// By how much a request shrinks at a time.
const SHRINK_FACTOR: u64 = 4;

/// By how much it grows at a time.
const GROWTH_FACTOR: u64 = 2;

/// Requests in a row that bring the server no further before the next one is made smaller.
const MAX_NO_PROGRESS: u32 = 2;

/// Requests of a reduced size in a row that have to succeed before a larger one is tried.
const GROW_AFTER: u32 = 8;

/// The most that `GROW_AFTER` grows to when larger requests keep failing.
const GROW_AFTER_MAX: u32 = 1024;

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
    /// Where such a request does not get through, because a proxy limits or withholds its body,
    /// the upload goes on in smaller ones.
    #[default]
    Whole,
    /// PATCH requests of at most this many bytes; [`SUGGESTED_CHUNK`] is a good value.
    ///
    /// For lines behind a proxy that buffers or limits a request's body, and for acknowledged
    /// progress at every boundary. They too become smaller when they do not get through.
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
            Chunking::Fixed(chunk) => Some(chunk.get()),
        };
        let chunk = match (wanted, replay) {
            (Some(chunk), Some(replay)) => Some(chunk.min(replay)),
            (chunk, replay) => chunk.or(replay),
        };
        Self { size, chunk: chunk.map(|chunk| chunk.max(1)) }
    }

    /// The bytes that go next when the server stands at `offset`, at most `limit` of them.
    ///
    /// Chunks end on a fixed grid, so an upload resumed in the middle of a chunk comes back to the
    /// boundaries it would have had; otherwise each break could add a request to the count.
    fn next(&self, offset: u64, limit: Option<u64>) -> Range<u64> {
        let chunk = match (self.chunk, limit) {
            (Some(chunk), Some(limit)) => Some(chunk.min(limit)),
            (chunk, limit) => chunk.or(limit),
        };
        let end = match chunk {
            None => self.size,
            Some(chunk) => {
                let place = offset.checked_div(chunk).unwrap_or_default();
                place.saturating_add(1).saturating_mul(chunk).min(self.size)
            }
        };
        offset.min(self.size)..end
    }
}

/// Cuts an upload by its plan, and more finely while requests of the planned size do not get through.
///
/// Two things show that a request is too large: the status 413, and requests that bring the server no
/// further at all, as behind a proxy that withholds a body until it is whole. After either the next
/// request is a quarter as large, down to [`MIN_ADAPTED`]. When smaller ones succeed for a while a
/// request of twice the size is tried; where that fails, the next such trial waits twice as long.
#[derive(Debug)]
pub(crate) struct ChunkSizer {
    plan: Plan,
    /// The most bytes of a request, where that is less than planned.
    limit: Option<u64>,
    /// Requests in a row that brought the server no further.
    no_progress: u32,
    /// Requests in a row that went through, since the limit last changed.
    succeeded: u32,
    /// How many of those it takes before a larger one is tried.
    grow_after: u32,
    /// Whether the limit was just raised and has yet to prove itself.
    on_trial: bool,
}

impl ChunkSizer {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, limit: None, no_progress: 0, succeeded: 0, grow_after: GROW_AFTER, on_trial: false }
    }

    /// The bytes that go next when the server stands at `offset`.
    pub(crate) fn next(&self, offset: u64) -> Range<u64> {
        self.plan.next(offset, self.limit)
    }

    /// A request went through as it was sent.
    pub(crate) fn succeeded(&mut self) {
        self.no_progress = 0;
        self.on_trial = false;
        let Some(limit) = self.limit else { return };
        self.succeeded = self.succeeded.saturating_add(1);
        if self.succeeded < self.grow_after {
            return;
        }
        let larger = limit.saturating_mul(GROWTH_FACTOR);
        let planned = self.plan.chunk.unwrap_or(self.plan.size);
        self.limit = (larger < planned).then_some(larger);
        self.succeeded = 0;
        self.on_trial = true;
    }

    /// A request broke, but the server has some of it: its size was not what stopped it.
    pub(crate) fn progressed(&mut self) {
        self.no_progress = 0;
    }

    /// A request of `length` bytes brought the server no further.
    pub(crate) fn no_progress(&mut self, length: u64) {
        self.no_progress = self.no_progress.saturating_add(1);
        if self.on_trial || self.no_progress >= MAX_NO_PROGRESS {
            self.shrink(length);
        }
    }

    /// The server or a proxy answered that a request of `length` bytes is too large. `false` when it
    /// cannot be made smaller.
    pub(crate) fn too_large(&mut self, length: u64) -> bool {
        self.shrink(length)
    }

    fn shrink(&mut self, length: u64) -> bool {
        self.no_progress = 0;
        self.succeeded = 0;
        if length <= MIN_ADAPTED {
            return false;
        }
        let mut factor = SHRINK_FACTOR;
        if std::mem::take(&mut self.on_trial) {
            // Back to the size that went through before.
            factor = GROWTH_FACTOR;
            self.grow_after = self.grow_after.saturating_mul(2).min(GROW_AFTER_MAX);
        }
        let part = length.checked_div(factor).unwrap_or(length);
        // Whole steps of the least size, so that the grid stays a plain one.
        let whole = part.saturating_sub(part.checked_rem(MIN_ADAPTED).unwrap_or_default());
        self.limit = Some(whole.clamp(MIN_ADAPTED, SUGGESTED_CHUNK.get()));
        true
    }
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
            let range = plan.next(at, None);
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
            // Vimeo has no limit to the number of requests: a chunk is what was asked for.
            (1024 * MIB + 1, fixed(MIB), 1025, MIB, 1),
            (5 * GIB, fixed(MIB), 5120, MIB, MIB),
            (1024 * GIB, Chunking::Fixed(SUGGESTED_CHUNK), 8192, 128 * MIB, 128 * MIB),
        ];
        for (size, chunking, requests, first, last) in table {
            let ranges = walk(Plan::new(size, chunking, None));
            let length = |range: Option<&Range<u64>>| range.map_or(0, |range| range.end - range.start);
            assert_eq!(ranges.len(), requests, "requests for {size} bytes, {chunking:?}");
            assert_eq!(length(ranges.first()), first, "first of {size} bytes, {chunking:?}");
            assert_eq!(length(ranges.last()), last, "last of {size} bytes, {chunking:?}");
        }
    }

    #[test]
    fn a_break_inside_a_chunk_returns_to_the_chunk_boundaries() {
        let plan = Plan::new(10, fixed(4), None);
        assert_eq!(plan.next(0, None), 0..4);
        assert_eq!(plan.next(1, None), 1..4);
        assert_eq!(plan.next(4, None), 4..8);
        assert_eq!(plan.next(9, None), 9..10);
        assert_eq!(plan.next(10, None), 10..10);
        assert_eq!(plan.next(11, None), 10..10, "past the end there is nothing");
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        assert_eq!(Plan::new(u64::MAX, Chunking::Whole, None).next(7, None), 7..u64::MAX);
        let plan = Plan::new(u64::MAX, fixed(u64::MAX), None);
        assert_eq!(plan.next(u64::MAX - 1, None), u64::MAX - 1..u64::MAX);
        assert_eq!(Plan::new(u64::MAX, fixed(1), None).next(u64::MAX - 1, None), u64::MAX - 1..u64::MAX);
        let mut sizer = ChunkSizer::new(Plan::new(u64::MAX, Chunking::Whole, None));
        assert!(sizer.too_large(u64::MAX));
        assert_eq!(sizer.next(0), 0..SUGGESTED_CHUNK.get());
    }

    #[test]
    fn a_chunk_is_no_larger_than_what_the_source_can_replay() {
        assert_eq!(Plan::new(100, Chunking::Whole, Some(30)).next(0, None), 0..30);
        assert_eq!(Plan::new(100, fixed(50), Some(30)).next(30, None), 30..60);
        assert_eq!(Plan::new(100, fixed(20), Some(30)).next(0, None), 0..20);
    }

    /// What became of a request of the size that the sizer gave.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Succeeded,
        Progressed,
        Fruitless,
        TooLarge,
    }
    use Fate::{Fruitless, Progressed, Succeeded, TooLarge};

    #[test]
    fn requests_shrink_when_they_do_not_get_through() {
        let whole = |size| ChunkSizer::new(Plan::new(size, Chunking::Whole, None));
        let cut = |size, chunk| ChunkSizer::new(Plan::new(size, fixed(chunk), None));
        // (sizer, what became of each request, length of the next)
        let table: [(ChunkSizer, &[Fate], u64); 12] = [
            (whole(100 * MIB), &[], 100 * MIB),
            (whole(100 * MIB), &[Fruitless], 100 * MIB),
            (whole(100 * MIB), &[Fruitless, Fruitless], 25 * MIB),
            (whole(100 * MIB), &[Fruitless, Progressed, Fruitless], 100 * MIB),
            (whole(100 * MIB), &[TooLarge], 25 * MIB),
            (whole(100 * MIB), &[TooLarge, TooLarge], 6 * MIB + MIB / 4),
            // From a very large request at once to one that fits most lines.
            (whole(5 * GIB), &[TooLarge], 128 * MIB),
            (whole(5 * GIB), &[TooLarge, TooLarge], 32 * MIB),
            (cut(5 * GIB, 128 * MIB), &[Fruitless, Fruitless], 32 * MIB),
            (cut(5 * GIB, MIB), &[TooLarge], MIB / 4),
            (cut(5 * GIB, MIB), &[TooLarge, TooLarge], MIB / 4),
            (whole(MIB / 4), &[Fruitless, Fruitless], MIB / 4),
        ];
        for (mut sizer, fates, length) in table {
            for fate in fates {
                happen(&mut sizer, *fate);
            }
            let next = sizer.next(0);
            assert_eq!(next.end - next.start, length, "after {fates:?}");
        }
    }

    fn happen(sizer: &mut ChunkSizer, fate: Fate) {
        let length = sizer.next(0).end;
        match fate {
            Succeeded => sizer.succeeded(),
            Progressed => sizer.progressed(),
            Fruitless => sizer.no_progress(length),
            TooLarge => assert_eq!(sizer.too_large(length), length > MIN_ADAPTED),
        }
    }

    #[test]
    fn requests_grow_again_and_ever_more_seldom_where_that_fails() {
        let mut sizer = ChunkSizer::new(Plan::new(5 * GIB, fixed(8 * MIB), None));
        happen(&mut sizer, TooLarge);
        // (successes it takes until a request of 4 MiB is tried)
        for needed in [8, 16, 32] {
            for _ in 0..needed {
                assert_eq!(sizer.next(0).end, 2 * MIB, "{needed}");
                happen(&mut sizer, Succeeded);
            }
            assert_eq!(sizer.next(0).end, 4 * MIB, "{needed}");
            // One failure is enough for a size on trial.
            happen(&mut sizer, Fruitless);
        }
        // When the line is good again, it comes back to what was planned.
        sizer.grow_after = GROW_AFTER;
        for _ in 0..2 * GROW_AFTER {
            happen(&mut sizer, Succeeded);
        }
        assert_eq!((sizer.next(0).end, sizer.limit), (8 * MIB, None));
    }
}
