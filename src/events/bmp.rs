//! Events of routers that speak BMP, and of servers that mirror their signalling in HEP.

use super::emit;
use super::sink::Level;
use std::fmt::Display;

/// The BMP settings have changed, which needs a restart.
pub fn routers_need_restart() {
    let keys = "bmp sources, own, bmp_stale, bmp_routers and bmp_keys in [asn]";
    emit(
        Level::Warning,
        "routers_need_restart",
        format_args!("changes of {keys} take effect for routers at the next start"),
        &[],
    );
}

/// A router connected for BMP.
pub fn router_connected(router: &dyn Display) {
    emit(
        Level::Info,
        "router_connected",
        format_args!("bmp: {router} connected"),
        &[("ROUTER", router)],
    );
}

/// Mirrored signalling came from an address that is not allowed.
pub fn hep_refused(sender: &dyn Display) {
    emit(
        Level::Warning,
        "hep_refused",
        format_args!("hep: packets of {sender} are refused: its address is not in hep.allow"),
        &[("SENDER", sender)],
    );
}

/// A router was refused.
pub fn router_refused(router: &dyn Display, why: &str) {
    emit(
        Level::Warning,
        "router_refused",
        format_args!("bmp: {router} refused: {why}"),
        &[("ROUTER", router), ("REASON", &why)],
    );
}

/// TCP keepalive could not be enabled for a router, so its silent loss goes unnoticed.
pub fn router_not_asked(router: &dyn Display, error: &dyn Display) {
    emit(
        Level::Warning,
        "router_not_asked",
        format_args!("bmp: {router}: no keepalive: {error}"),
        &[("ROUTER", router)],
    );
}

/// A router's connection has ended.
pub fn router_gone(router: &dyn Display, why: &dyn Display) {
    emit(
        Level::Warning,
        "router_gone",
        format_args!("bmp: {router} gone: {why}"),
        &[("ROUTER", router), ("REASON", why)],
    );
}
