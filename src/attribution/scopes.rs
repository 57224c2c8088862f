//! Scopes of commitments: which packets a commitment covers. Each distinct scope has a number that stays
//! the same over reloads, so that the judge can add seconds counted before and after one.

use crate::units::{Address, Prefix};
use crate::wire::Vlans;

/// Most distinct scopes in one configuration; commitments with equal scopes share one.
pub const MAX_SCOPES: usize = 64;

/// The packets that a commitment covers. Keys are ANDed, the values of a key ORed; an empty key matches
/// every packet.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    /// Source or destination lies in one of these.
    pub local_prefixes: Vec<Prefix>,
    /// Captured on one of these interfaces, by name.
    pub interfaces: Vec<String>,
    /// One of the VLAN IDs of the frame is one of these.
    pub vlans: Vec<u16>,
}

impl Scope {
    /// Whether a packet is in scope. `interface` is the name behind its interface ID.
    pub fn matches(&self, src: Address, dst: Address, interface: &str, vlans: Vlans) -> bool {
        let prefixes = self.local_prefixes.is_empty()
            || self
                .local_prefixes
                .iter()
                .any(|prefix| prefix.contains(src) || prefix.contains(dst));
        let interfaces =
            self.interfaces.is_empty() || self.interfaces.iter().any(|name| name == interface);
        let tags = self.vlans.is_empty()
            || [vlans.outer, vlans.inner]
                .into_iter()
                .flatten()
                .any(|id| self.vlans.contains(&id.get()));
        prefixes && interfaces && tags
    }
}

/// A scope's number, the same for the same scope over all reloads of one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ScopeId(pub u64);

/// A set of scopes, as bits by their index in a [`ScopePlan`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ScopeMask(pub u64);

/// The scopes in force.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScopePlan {
    scopes: Vec<(ScopeId, Scope)>,
    /// The last number assigned.
    next: u64,
}

impl ScopePlan {
    /// A plan of the distinct scopes, at most [`MAX_SCOPES`]. Scopes of `previous` keep their numbers.
    pub fn new<'a>(wanted: impl IntoIterator<Item = &'a Scope>, previous: &Self) -> Self {
        let mut plan = Self {
            scopes: Vec::new(),
            next: previous.next,
        };
        for scope in wanted {
            if plan.id(scope).is_none() && plan.scopes.len() < MAX_SCOPES {
                let id = previous.id(scope).unwrap_or_else(|| {
                    plan.next += 1;
                    ScopeId(plan.next)
                });
                plan.scopes.push((id, scope.clone()));
            }
        }
        plan
    }

    /// The number of a scope, if it is in the plan.
    pub fn id(&self, scope: &Scope) -> Option<ScopeId> {
        self.scopes
            .iter()
            .find(|(_, known)| known == scope)
            .map(|(id, _)| *id)
    }

    /// The mask bit of a scope, if it is in the plan.
    pub fn bit(&self, id: ScopeId) -> Option<ScopeMask> {
        let index = self.scopes.iter().position(|(known, _)| *known == id)?;
        Some(ScopeMask(1 << index))
    }

    /// The scopes that match a packet.
    pub fn matching(&self, src: Address, dst: Address, interface: &str, vlans: Vlans) -> ScopeMask {
        let mut mask = 0;
        for (index, (_, scope)) in self.scopes.iter().enumerate() {
            mask |= u64::from(scope.matches(src, dst, interface, vlans)) << index;
        }
        ScopeMask(mask)
    }
}

impl ScopeMask {
    /// Whether the scope with this bit is in the set.
    pub fn contains(self, bit: Self) -> bool {
        self.0 & bit.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    #[test]
    fn equal_scopes_share_a_number_and_keep_it_over_a_reload() {
        let all = Scope::default();
        let tagged = Scope {
            vlans: vec![7],
            ..Scope::default()
        };
        let plan = ScopePlan::new([&all, &all], &ScopePlan::default());
        let id = plan.id(&all).unwrap();
        let reloaded = ScopePlan::new([&tagged, &all], &plan);
        assert_eq!(reloaded.id(&all), Some(id), "kept");
        assert_ne!(reloaded.id(&tagged), Some(id), "never given twice");
        let any = Address::default();
        let mask = reloaded.matching(any, any, "eth0", Vlans::default());
        assert!(mask.contains(reloaded.bit(id).unwrap()));
        let other = reloaded.id(&tagged).unwrap();
        assert!(!mask.contains(reloaded.bit(other).unwrap()));
    }

    #[test]
    fn the_keys_of_a_scope_are_anded_and_their_values_ored() {
        let local = Address::v4([198, 51, 100, 7]);
        let far = Address::v4([203, 0, 113, 7]);
        let tagged = Vlans {
            outer: NonZeroU16::new(100),
            inner: NonZeroU16::new(7),
        };
        let all = Scope::default();
        assert!(all.matches(far, far, "eth9", Vlans::default()));
        let scope = Scope {
            local_prefixes: vec![Prefix::new(Address::v4([198, 51, 100, 0]), 96 + 24)],
            interfaces: vec!["eth0".into(), "eth1".into()],
            vlans: vec![7, 8],
        };
        assert!(scope.matches(local, far, "eth1", tagged));
        assert!(scope.matches(far, local, "eth0", tagged));
        assert!(!scope.matches(far, far, "eth0", tagged), "prefix");
        assert!(!scope.matches(local, far, "eth2", tagged), "interface");
        assert!(!scope.matches(local, far, "eth1", Vlans::default()), "vlan");
    }
}
