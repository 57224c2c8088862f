//! How much a report holds, and what to ask for where that is not enough.

/// ASNs under all contracts of a report: as many as may have series of their own. Each has some 3 kB beside its rates and its
/// window, once as given and once settled.
pub(super) const MAX_ROWS: usize = 65_536;

/// Rates of 5 minutes that are kept: 24 octets each.
pub(super) const MAX_RATES: usize = 20_000_000;

/// Whether there is room for so many ASNs, under all contracts, and so many rates of 5 minutes.
///
/// # Errors
/// What there are too many of, and what to ask for.
pub(super) fn check_room(rows: usize, rates: usize) -> Result<(), String> {
    let more = if rows > MAX_ROWS {
        format!("more than {MAX_ROWS} ASNs under all contracts")
    } else if rates > MAX_RATES {
        format!("more than {MAX_RATES} rates of 5 minutes, one for each in which an ASN was active")
    } else {
        return Ok(());
    };
    Err(format!(
        "{more}: a report has no room for them. Ask for a shorter period (--from, --until), for one contract (--commitment), or both"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::asn_account::{AsnAccount, SHARE_PARTS};

    #[test]
    fn what_is_too_much_is_said_with_what_to_ask_for() {
        assert_eq!(check_room(MAX_ROWS, MAX_RATES), Ok(()));
        for (rows, rates, what) in [
            (MAX_ROWS + 1, 0, "65536 ASNs"),
            (1, MAX_RATES + 1, "20000000 rates"),
        ] {
            let said = check_room(rows, rates).unwrap_err();
            assert!(said.contains(what) && said.contains("--until"), "{said}");
        }
    }

    #[test]
    fn an_asn_takes_as_much_as_is_said() {
        let shares = 4 * usize::try_from(SHARE_PARTS).unwrap();
        let octets = size_of::<AsnAccount>() + shares;
        assert!((1000..3000).contains(&octets), "{octets}");
    }
}
