//! Events of the web endpoint: one line when it begins to refuse clients, and one when that is over.

use super::emit;
use super::sink::Level;
use std::fmt::Display;

/// Characters of a name that somebody else chose.
const MAX_NAME: usize = 60;

/// A connection to the web endpoint reached a limit: of its client, or of all.
pub fn endpoint_limit_reached(client: &dyn Display, connections: usize, is_share: bool) {
    let owner = if is_share {
        format!("{client} has")
    } else {
        format!("all clients together have, the last of them {client},")
    };
    emit(
        Level::Warning,
        "endpoint_crowded",
        format_args!(
            "web: {owner} as many connections as may be, {connections}: each more closes the one that \
             has been longest without a whole request, or is refused"
        ),
        &[("CLIENT", client), ("CONNECTIONS", &connections)],
    );
}

/// No connection has reached a limit for a while.
pub fn endpoint_below_limit(connections: u64) {
    emit(
        Level::Info,
        "endpoint_no_longer_crowded",
        format_args!("web: connections have room again; {connections} were refused or closed"),
        &[("CONNECTIONS", &connections)],
    );
}

/// A request asked for a name that is none of the endpoint's.
pub fn host_refused(client: &dyn Display, name: &str) {
    let name: String = name.chars().take(MAX_NAME).collect();
    emit(
        Level::Warning,
        "host_refused",
        format_args!(
            "web: {client} asked for {name:?}, which is none of the meter's names: DNS rebinding, or a \
             name that web.hosts has to list"
        ),
        &[("CLIENT", client), ("NAME", &name)],
    );
}

/// Nobody has asked for a foreign name for a while.
pub fn hosts_right_again(requests: u64) {
    emit(
        Level::Info,
        "hosts_right_again",
        format_args!(
            "web: nobody asks for foreign names any more; {requests} requests were refused"
        ),
        &[("REQUESTS", &requests)],
    );
}

/// A name or a password was wrong.
pub fn login_failed(client: &dyn Display) {
    emit(
        Level::Warning,
        "login_failed",
        format_args!("web: {client} gave a wrong name or password"),
        &[("CLIENT", client)],
    );
}

/// No name and password has been wrong for a while.
pub fn logins_right_again(requests: u64) {
    emit(
        Level::Info,
        "logins_right_again",
        format_args!("web: no wrong name or password any more; {requests} requests were refused"),
        &[("REQUESTS", &requests)],
    );
}
