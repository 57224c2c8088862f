//! Events of contracts: an ASN goes out of SLA, or returns.

use super::emit;
use super::sink::{Field, Level};
use crate::judge::intervals::{ExcessChange, ExcessInterval};
use crate::judge::threshold::ExcessNotice;
use crate::sla::Role;

/// An ASN went out of SLA, returned, or was out when the contract changed or the clock was set back.
pub fn out_of_sla(notice: &ExcessNotice) {
    let ExcessNotice {
        commitment,
        asn,
        role,
        direction,
        change,
    } = notice;
    let (over, direction) = (change.over(), direction.as_str());
    let peak_share = over.peak_share();
    let peak = peak_share * 100.0;
    let (part, role) = match role {
        Role::Origin => ("origin", ""),
        Role::Transit => ("transit", "transit "),
    };
    let fields: [Field<'_>; 6] = [
        ("COMMITMENT", commitment),
        ("ASN", asn),
        ("ROLE", &part),
        ("DIRECTION", &direction),
        ("SINCE", &over.from),
        ("PEAK_SHARE", &peak_share),
    ];
    match change {
        ExcessChange::Began(over) => emit(
            Level::Notice,
            "out_of_sla",
            format_args!(
                "{commitment}: {role}AS{asn} out of SLA ({direction}) since {}: {peak:.2} % of the committed rate{}",
                over.from,
                covered(over)
            ),
            &fields,
        ),
        ExcessChange::Ended(over) => emit(
            Level::Notice,
            "back_in_sla",
            format_args!(
                "{commitment}: {role}AS{asn} back in SLA ({direction}) after {}: out since {}, peak {peak:.2} %{}",
                over.last,
                over.from,
                covered(over)
            ),
            &fields,
        ),
        ExcessChange::Revised(over) => emit(
            Level::Notice,
            "contract_changed",
            format_args!(
                "{commitment}: {role}AS{asn} out of SLA ({direction}) by the old contract up to {}: out since {}, peak {peak:.2} %{}",
                over.last,
                over.from,
                covered(over)
            ),
            &fields,
        ),
        ExcessChange::Stepped(over) => emit(
            Level::Notice,
            "out_of_sla_until_step",
            format_args!(
                "{commitment}: {role}AS{asn} out of SLA ({direction}) up to {}, when the clock was set back: out since {}, peak {peak:.2} %{}",
                over.last,
                over.from,
                covered(over)
            ),
            &fields,
        ),
    }
}

/// The transit ASNs that the exclusion of an ASN covers, as text.
fn covered(over: &ExcessInterval) -> String {
    let transit: Vec<String> = over.transit.iter().map(|asn| format!("AS{asn}")).collect();
    match transit.as_slice() {
        [] => String::new(),
        _ => format!("; covers transit {} for its traffic", transit.join(", ")),
    }
}
