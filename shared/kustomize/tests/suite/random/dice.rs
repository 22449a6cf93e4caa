//! The random choices behind a tree: one seed gives one tree, on every machine.

use std::collections::BTreeSet;

use crate::random::features::{Feature, OFF};

/// A source of choices, and which features a tree may use.
pub(crate) struct Dice {
    state: u64,
    /// Features that come up far more often than the rest.
    focus: Vec<Feature>,
    /// Whether the tree is to build, as far as that can be known.
    calm: bool,
    /// What the tree uses.
    pub(crate) used: BTreeSet<Feature>,
}

impl Dice {
    pub(crate) fn new(seed: u64, focus: &[Feature]) -> Dice {
        let mut dice = Dice { state: seed, focus: focus.to_vec(), calm: false, used: BTreeSet::new() };
        dice.calm = dice.percent(65);
        dice
    }

    /// The next number of splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, 0 when there is none.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).unwrap();
        usize::try_from(self.next() % n).unwrap()
    }

    /// A number of a range, both ends included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A chance for what makes most builds fail: none in a calm tree.
    pub(crate) fn rare(&mut self, percent: usize) -> bool {
        self.percent(percent) && !self.calm
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Whether to use a feature here, which is done with about the given chance; notes it as used.
    pub(crate) fn wants(&mut self, feature: Feature, percent: usize) -> bool {
        let percent = match () {
            () if OFF.contains(&feature) => 0,
            () if self.focus.is_empty() => percent,
            () if self.focus.contains(&feature) => percent.max(60),
            () => percent.div_ceil(4),
        };
        let wanted = self.percent(percent);
        if wanted {
            self.used.insert(feature);
        }
        wanted
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}
