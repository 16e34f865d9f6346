//! What trunks are called in the metrics: as the operator calls them, each by a name of its own.

use std::{collections::BTreeSet, sync::Arc};

use crate::{http::Label, limit::TRUNK_LABEL_CHARS_MAX};

/// The labels of all trunks, in the order of the settings.
#[derive(Debug, Clone, Default)]
pub struct TrunkLabels(Vec<Arc<str>>);

impl TrunkLabels {
    /// Makes labels of names: without control characters, cut, and numbered where two would be the same, since two counters of
    /// one name and label would be one to whoever reads them.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut taken = BTreeSet::new();
        let label = |name: &str| {
            let printable = name.chars().filter(|c| !c.is_control());
            let name: String = printable.take(TRUNK_LABEL_CHARS_MAX).collect();
            let others = (2..).map(|number| format!("{name}-{number}"));
            let mut candidates = [name.clone()].into_iter().chain(others);
            candidates
                .find(|candidate| taken.insert(candidate.clone()))
                .expect("there are more numbers than trunks")
                .into()
        };
        Self(names.into_iter().map(label).collect())
    }

    /// Returns the label of the trunk at a place of the settings.
    pub(super) fn of(&self, trunk: usize) -> Label {
        match self.0.get(trunk) {
            Some(name) => Label::Name("trunk", Arc::clone(name)),
            None => Label::Number("trunk", trunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trunk_has_a_short_name_of_its_own() {
        let long = "ü".repeat(1_000);
        let labels = TrunkLabels::new(["Büro", "a\nb", "Büro", "Büro-2", &*long, &*long, ""]);
        let cut = "ü".repeat(TRUNK_LABEL_CHARS_MAX);
        let again = format!("{cut}-2");
        let expected = ["Büro", "ab", "Büro-2", "Büro-2-2", &*cut, &*again, ""];
        assert_eq!(labels.0, expected.map(Arc::from));
    }
}
