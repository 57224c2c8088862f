//! Suggests the known word that was probably meant. For messages only: nothing is read otherwise for it.

/// The known word that a wrong one is nearest to, if it is near: at most a third of its letters
/// (at least one) are wrong, left out, too many or exchanged; upper and lower case are the same.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distances = known.into_iter().map(|one| {
        let distance = strsim::damerau_levenshtein(&word, &one.to_lowercase());
        (distance, one)
    });
    let (distance, one) = distances.min_by_key(|(distance, _)| *distance)?;
    let letters = one.chars().count().min(word.chars().count());
    (distance <= (letters / 3).max(1) && letters > 1).then_some(one)
}

/// `: did you mean "word"?`, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // No value of a configuration is longer than a line; what is longer is no slip.
    let word = if word.len() > MAX_WORD { "" } else { word };
    nearest(word, known).map_or_else(String::new, |one| format!(": did you mean \"{one}\"?"))
}

/// Octets of a word that is compared at most: keys are no longer, and the comparison is quadratic.
const MAX_WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let known = ["interface", "interfaces", "backend", "queues"];
        for (word, meant) in [
            ("interfce", Some("interface")),
            ("Interfaces", Some("interfaces")),
            ("qeues", Some("queues")),
            ("bakcend", Some("backend")),
            ("promiscuous", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(did_you_mean(&"q".repeat(1000), known), "");
    }
}
