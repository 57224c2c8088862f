//! Times in leaves: RFC 3339 in UTC, whole seconds.

/// A second as text, RFC 3339 in UTC.
pub(super) mod second {
    use crate::units::Second;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(in super::super) fn serialize<S: Serializer>(
        second: &Second,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(second)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Second, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let second = Second::from_rfc3339(&text);
        second.ok_or_else(|| D::Error::custom(format!("{text:?} is no time")))
    }
}

/// A second as text, or nothing.
pub(super) mod optional_second {
    use crate::units::Second;
    use serde::{Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks so")]
    pub(in super::super) fn serialize<S: Serializer>(
        second: &Option<Second>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match second {
            Some(second) => super::second::serialize(second, to),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Second>, D::Error> {
        super::second::deserialize(from).map(Some)
    }
}
