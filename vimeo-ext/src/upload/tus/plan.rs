//! How an upload is split into PATCH requests. Pure arithmetic: no I/O, no state.

use std::num::NonZeroU64;
use std::ops::Range;

const MIB: u64 = 1024 * 1024;

/// Requests do not become smaller than this, even if they fail: 256 KiB.
pub(crate) const MIN_ADAPTED: u64 = 256 * 1024;

/// The factor by which a request shrinks.
const SHRINK_FACTOR: u64 = 4;

/// The factor by which it grows.
const GROWTH_FACTOR: u64 = 2;

/// Requests in a row without progress before the next one is smaller.
const MAX_NO_PROGRESS: u32 = 2;

/// Requests of a reduced size that have to succeed in a row before a larger one is tried.
const GROW_AFTER: u32 = 8;

/// The maximum of `GROW_AFTER` if larger requests keep failing.
const MAX_GROW_AFTER: u32 = 1024;

/// A chunk size that suits most connections: 128 MiB.
///
/// Vimeo recommends 128 MiB to 512 MiB; under 10 MiB the round trips become noticeable.
pub const SUGGESTED_CHUNK: NonZeroU64 = match NonZeroU64::new(128 * MIB) {
    Some(chunk) => chunk,
    None => NonZeroU64::MIN,
};

/// How the bytes are split into requests. Default: [`Chunking::Whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Chunking {
    /// One PATCH carries all bytes that the server does not have yet.
    ///
    /// This is the fastest way, and a broken connection costs only the bytes that the server has not stored. If such
    /// a request does not get through, because a proxy limits or buffers its body, the upload continues with smaller
    /// requests.
    #[default]
    Whole,
    /// PATCH requests of at most this many bytes; [`SUGGESTED_CHUNK`] is a good value.
    ///
    /// For connections through a proxy that buffers or limits request bodies, and for acknowledged progress after
    /// every chunk. Chunks also become smaller if they do not get through.
    Fixed(NonZeroU64),
}

/// The planned requests of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    size: u64,
    chunk: Option<u64>,
}

impl Plan {
    /// Plans an upload of `size` bytes.
    ///
    /// `replay` is the number of bytes that the source can read a second time, if that is limited. Chunks are then
    /// not larger, because a failed chunk must be sent again from it.
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

    /// Returns the next range when the server is at `offset`, at most `limit` bytes long.
    ///
    /// Chunks end on a fixed grid, so an upload resumed in the middle of a chunk returns to the same boundaries.
    /// Otherwise each failure could add a request.
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

/// Splits an upload by its plan, and into smaller requests while planned ones do not get through.
///
/// A request is too large if the status is 413, or if requests make no progress at all, as with a proxy that buffers
/// whole bodies. The next request is then a quarter as large, down to [`MIN_ADAPTED`]. After several successes a
/// request of twice the size is tried; if it fails, the next trial needs twice as many successes.
#[derive(Debug)]
pub(crate) struct ChunkSizer {
    plan: Plan,
    /// The maximum size of a request, if it is smaller than planned.
    limit: Option<u64>,
    /// Requests in a row without progress.
    no_progress: u32,
    /// Successful requests in a row since the limit last changed.
    succeeded: u32,
    /// The number of those before a larger one is tried.
    grow_after: u32,
    /// Whether the limit was just raised and no such request has succeeded yet.
    on_trial: bool,
}

impl ChunkSizer {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, limit: None, no_progress: 0, succeeded: 0, grow_after: GROW_AFTER, on_trial: false }
    }

    /// Returns the next range when the server is at `offset`.
    pub(crate) fn next(&self, offset: u64) -> Range<u64> {
        self.plan.next(offset, self.limit)
    }

    /// Records that a request succeeded.
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

    /// Records that a request failed, but the server has a part of it: its size is not the problem.
    pub(crate) fn progressed(&mut self) {
        self.no_progress = 0;
    }

    /// Records that a request of `length` bytes made no progress.
    pub(crate) fn no_progress(&mut self, length: u64) {
        self.no_progress = self.no_progress.saturating_add(1);
        if self.on_trial || self.no_progress >= MAX_NO_PROGRESS {
            self.shrink(length);
        }
    }

    /// Records that a request of `length` bytes is too large. Returns `false` if it cannot be smaller.
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
            // Back to the size that succeeded before.
            factor = GROWTH_FACTOR;
            self.grow_after = self.grow_after.saturating_mul(2).min(MAX_GROW_AFTER);
        }
        let part = length.checked_div(factor).unwrap_or(length);
        // A multiple of the minimum size, to keep the grid simple.
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
            // The number of requests is not limited, so the chunk size is not changed.
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
    fn resuming_inside_a_chunk_returns_to_chunk_boundaries() {
        let plan = Plan::new(10, fixed(4), None);
        assert_eq!(plan.next(0, None), 0..4);
        assert_eq!(plan.next(1, None), 1..4);
        assert_eq!(plan.next(4, None), 4..8);
        assert_eq!(plan.next(9, None), 9..10);
        assert_eq!(plan.next(10, None), 10..10);
        assert_eq!(plan.next(11, None), 10..10, "nothing is left past the end");
    }

    #[test]
    fn largest_sizes_do_not_overflow() {
        assert_eq!(Plan::new(u64::MAX, Chunking::Whole, None).next(7, None), 7..u64::MAX);
        let plan = Plan::new(u64::MAX, fixed(u64::MAX), None);
        assert_eq!(plan.next(u64::MAX - 1, None), u64::MAX - 1..u64::MAX);
        assert_eq!(Plan::new(u64::MAX, fixed(1), None).next(u64::MAX - 1, None), u64::MAX - 1..u64::MAX);
        let mut sizer = ChunkSizer::new(Plan::new(u64::MAX, Chunking::Whole, None));
        assert!(sizer.too_large(u64::MAX));
        assert_eq!(sizer.next(0), 0..SUGGESTED_CHUNK.get());
    }

    #[test]
    fn chunks_fit_the_replay_buffer() {
        assert_eq!(Plan::new(100, Chunking::Whole, Some(30)).next(0, None), 0..30);
        assert_eq!(Plan::new(100, fixed(50), Some(30)).next(30, None), 30..60);
        assert_eq!(Plan::new(100, fixed(20), Some(30)).next(0, None), 0..20);
    }

    /// The outcome of a request of the planned size.
    #[derive(Debug, Clone, Copy)]
    enum RequestOutcome {
        Succeeded,
        Progressed,
        NoProgress,
        TooLarge,
    }
    use RequestOutcome::{NoProgress, Progressed, Succeeded, TooLarge};

    #[test]
    fn requests_shrink_without_progress() {
        let whole = |size| ChunkSizer::new(Plan::new(size, Chunking::Whole, None));
        let cut = |size, chunk| ChunkSizer::new(Plan::new(size, fixed(chunk), None));
        // (sizer, outcome of each request, length of the next)
        let table: [(ChunkSizer, &[RequestOutcome], u64); 12] = [
            (whole(100 * MIB), &[], 100 * MIB),
            (whole(100 * MIB), &[NoProgress], 100 * MIB),
            (whole(100 * MIB), &[NoProgress, NoProgress], 25 * MIB),
            (whole(100 * MIB), &[NoProgress, Progressed, NoProgress], 100 * MIB),
            (whole(100 * MIB), &[TooLarge], 25 * MIB),
            (whole(100 * MIB), &[TooLarge, TooLarge], 6 * MIB + MIB / 4),
            // A very large request becomes one that fits most connections.
            (whole(5 * GIB), &[TooLarge], 128 * MIB),
            (whole(5 * GIB), &[TooLarge, TooLarge], 32 * MIB),
            (cut(5 * GIB, 128 * MIB), &[NoProgress, NoProgress], 32 * MIB),
            (cut(5 * GIB, MIB), &[TooLarge], MIB / 4),
            (cut(5 * GIB, MIB), &[TooLarge, TooLarge], MIB / 4),
            (whole(MIB / 4), &[NoProgress, NoProgress], MIB / 4),
        ];
        for (mut sizer, outcomes, length) in table {
            for outcome in outcomes {
                record_outcome(&mut sizer, *outcome);
            }
            let next = sizer.next(0);
            assert_eq!(next.end - next.start, length, "after {outcomes:?}");
        }
    }

    fn record_outcome(sizer: &mut ChunkSizer, outcome: RequestOutcome) {
        let length = sizer.next(0).end;
        match outcome {
            Succeeded => sizer.succeeded(),
            Progressed => sizer.progressed(),
            NoProgress => sizer.no_progress(length),
            TooLarge => assert_eq!(sizer.too_large(length), length > MIN_ADAPTED),
        }
    }

    #[test]
    fn requests_grow_again_with_backoff() {
        let mut sizer = ChunkSizer::new(Plan::new(5 * GIB, fixed(8 * MIB), None));
        record_outcome(&mut sizer, TooLarge);
        // (successes it takes until a request of 4 MiB is tried)
        for needed in [8, 16, 32] {
            for _ in 0..needed {
                assert_eq!(sizer.next(0).end, 2 * MIB, "{needed}");
                record_outcome(&mut sizer, Succeeded);
            }
            assert_eq!(sizer.next(0).end, 4 * MIB, "{needed}");
            // One failure is enough for a size on trial.
            record_outcome(&mut sizer, NoProgress);
        }
        // Once the connection is good again, it returns to the plan.
        sizer.grow_after = GROW_AFTER;
        for _ in 0..2 * GROW_AFTER {
            record_outcome(&mut sizer, Succeeded);
        }
        assert_eq!((sizer.next(0).end, sizer.limit), (8 * MIB, None));
    }
}
