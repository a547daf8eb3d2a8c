//! Which pages a poll reads: those with modified videos first, then older ones in turn. Pure: no I/O.

/// The maximum number of pages that are read for modified videos, so that older videos have their turn.
const MAX_MODIFIED_PAGES: u32 = 3;

/// The order of the pages of a poll. The list is sorted by modification, the latest first.
///
/// Videos whose change does not count as a modification are found when the turn of their page comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PagePlan {
    current: u32,
    resume_at: u32,
    /// The first page of older videos, and the one at which this poll started among them.
    older: Option<(u32, u32)>,
}

impl PagePlan {
    /// Starts a poll; `resume_at` is the current page at the end of the last poll.
    pub(super) fn new(resume_at: u32) -> Self {
        Self { current: 1, resume_at, older: None }
    }

    /// Returns the page to read now.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// Moves on to the next page; returns whether it was not read yet. `reached_known` says that the page has a video that was
    /// not modified since the last poll, `is_last` that no page follows.
    pub(super) fn advance(&mut self, reached_known: bool, is_last: bool) -> bool {
        let following = self.current.saturating_add(1);
        match self.older {
            None if is_last => {
                self.current = 2;
                false
            }
            None if !reached_known && self.current < MAX_MODIFIED_PAGES => {
                self.current = following;
                true
            }
            None => {
                self.current = self.resume_at.max(following);
                self.older = Some((following, self.current));
                true
            }
            Some((first, start)) => {
                self.current = if is_last { first } else { following };
                self.current != start
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pages that polls of at most `max` pages read.
    fn polls(pages: u32, known_from: u32, polls: usize, max: usize) -> Vec<Vec<u32>> {
        let mut resume_at = 2;
        let poll = |_| {
            let (mut plan, mut read) = (PagePlan::new(resume_at), Vec::new());
            for _ in 0..max {
                read.push(plan.current());
                // A page past the end is empty and the last one.
                if !plan.advance(plan.current() >= known_from, plan.current() >= pages) {
                    break;
                }
            }
            resume_at = plan.current();
            read
        };
        (0..polls).map(poll).collect()
    }

    #[test]
    fn modified_pages_come_first_and_older_ones_in_turn() {
        // (pages, first page with a known video, pages of each poll)
        for (pages, known_from, expected) in [
            (1, 1, vec![vec![1], vec![1]]),
            (1, 9, vec![vec![1], vec![1]]),
            (2, 1, vec![vec![1, 2], vec![1, 2]]),
            (5, 1, vec![vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]]),
            (7, 1, vec![vec![1, 2, 3, 4, 5], vec![1, 6, 7, 2, 3], vec![1, 4, 5, 6, 7]]),
            (9, 2, vec![vec![1, 2, 3, 4, 5], vec![1, 2, 6, 7, 8], vec![1, 2, 9, 3, 4]]),
            (9, 99, vec![vec![1, 2, 3, 4, 5], vec![1, 2, 3, 6, 7], vec![1, 2, 3, 8, 9]]),
        ] {
            assert_eq!(polls(pages, known_from, expected.len(), 5), expected, "{pages} {known_from}");
        }
    }

    #[test]
    fn a_list_that_became_shorter_starts_again() {
        let mut plan = PagePlan::new(8);
        assert!(plan.advance(true, false));
        assert_eq!(plan.current(), 8);
        assert!(plan.advance(true, true), "past the end");
        assert_eq!(plan.current(), 2);
    }
}
