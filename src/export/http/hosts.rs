//! Which names a request may ask for: a defence against DNS rebinding.
//!
//! A web page of somebody else can let its own name resolve to this endpoint's address, and then read
//! answers as if they were its own. Its requests bear that name in `Host` (RFC 9110 §7.2), which no
//! script can change. So a name has to be one of ours:
//!
//! - an address, `localhost`, or a name without a dot: nobody can have such a name in the public DNS;
//! - a name below `local` (RFC 6762), `internal` (reserved by ICANN) or `home.arpa` (RFC 8375), which
//!   the public DNS does not have either;
//! - the name of this host, and those that the configuration lists (`web.hosts`).
//!
//! Of any other name: where `web.hosts` lists names, the request is refused. Where it lists none, only a
//! browser is refused, since only a browser can be made to ask by a page; Prometheus and curl may use
//! any name. And nobody is refused where TLS or a password guards the endpoint: the browser of the
//! attacked has no certificate for the foreign name and no password for it.

use hyper::HeaderMap;
use hyper::Uri;
use hyper::header::{ACCEPT_LANGUAGE, HOST, HeaderName, HeaderValue, ORIGIN, REFERER, USER_AGENT};
use std::net::{IpAddr, Ipv6Addr};

/// Ends of names that the public DNS does not have.
const PRIVATE: [&str; 4] = [".local", ".internal", ".home.arpa", ".localhost"];

/// Header fields of browsers: `Accept-Language` is in every request of one, and no script can take it
/// out (Fetch Standard §4.5).
const OF_BROWSERS: [HeaderName; 4] = [
    ACCEPT_LANGUAGE,
    ORIGIN,
    REFERER,
    HeaderName::from_static("sec-fetch-site"),
];

/// The names of this endpoint.
#[derive(Clone, Debug, Default)]
pub struct HostNames {
    own: Vec<String>,
    is_listed: bool,
}

impl HostNames {
    /// The `listed` names of the configuration, and the host's own.
    pub fn new(listed: &[String], host: &str) -> Self {
        let names = listed.iter().map(String::as_str).chain([host]);
        Self {
            own: names.map(normal).filter(|name| !name.is_empty()).collect(),
            is_listed: !listed.is_empty(),
        }
    }

    /// Whether a request is for this endpoint; `is_guarded` where it needs TLS or a password. Otherwise
    /// the name that it asks for.
    pub(super) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        is_guarded: bool,
    ) -> Result<(), String> {
        if !self.is_listed && (is_guarded || !is_browser(headers)) {
            return Ok(());
        }
        // A target in absolute form comes before the field (RFC 9112 §3.2.2).
        if let Some(authority) = uri.authority() {
            return self.check_name(authority.as_str());
        }
        for field in headers.get_all(HOST) {
            let name = field.to_str().unwrap_or("?");
            self.check_name(name)?;
        }
        Ok(())
    }

    fn check_name(&self, written: &str) -> Result<(), String> {
        let name = normal(without_port(written));
        let is_address = name.parse::<IpAddr>().is_ok()
            || name
                .strip_prefix('[')
                .and_then(|inner| inner.strip_suffix(']'))
                .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        let is_private =
            !name.contains('.') || PRIVATE.iter().any(|private| name.ends_with(private));
        if is_address || (is_private && !name.is_empty()) || self.own.contains(&name) {
            Ok(())
        } else {
            Err(name)
        }
    }
}

/// Lower case, without the closing dot of a full name.
fn normal(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

fn without_port(written: &str) -> &str {
    match written.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => written,
    }
}

/// Whether a browser sent it.
fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
    agent.is_some_and(|agent| agent.starts_with(b"Mozilla/"))
        || OF_BROWSERS.iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, more: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        for (name, value) in more {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    const BROWSER: (HeaderName, &str) = (ACCEPT_LANGUAGE, "en");

    #[test]
    fn a_browser_is_answered_under_names_that_no_page_of_others_can_have() {
        let names = HostNames::new(&[], "Meter.example.net");
        for (host, may) in [
            ("127.0.0.1:10179", true),
            ("192.0.2.7", true),
            ("[::1]:10179", true),
            ("[2001:db8::1]", true),
            ("localhost:10179", true),
            ("LocalHost.", true),
            ("meter", true),
            ("meter:10179", true),
            ("meter.local", true),
            ("asnmeter.monitoring.svc.cluster.local:10179", true),
            ("meter.internal", true),
            ("METER.example.NET.:10179", true),
            ("meter.example.org", false),
            ("rebound.example:10179", false),
            ("127.0.0.1.rebound.example", false),
            ("evil-local", true),
            ("[::1].rebound.example", false),
            ("", false),
        ] {
            let asked = names.check(&Uri::from_static("/"), &headers(host, &[BROWSER]), false);
            assert_eq!(asked.is_ok(), may, "{host}");
        }
    }

    #[test]
    fn who_is_no_browser_may_use_any_name_unless_names_are_listed() {
        let host = "meter.example.org";
        let prometheus = headers(host, &[(USER_AGENT, "Prometheus/3.1.0")]);
        let root = Uri::from_static("/");
        assert!(
            HostNames::default()
                .check(&root, &prometheus, false)
                .is_ok()
        );
        let listed = HostNames::new(&["page.example.org".into()], "");
        assert_eq!(listed.check(&root, &prometheus, false).unwrap_err(), host);
        assert!(listed.check(&root, &prometheus, true).is_err());
        let asked = headers("Page.Example.org:443", &[BROWSER]);
        assert!(listed.check(&root, &asked, false).is_ok());
    }

    #[test]
    fn every_sign_of_a_browser_counts_and_none_does_behind_tls_or_a_password() {
        let (names, root) = (HostNames::default(), Uri::from_static("/"));
        let signs = [
            BROWSER,
            (USER_AGENT, "Mozilla/5.0 (X11)"),
            (ORIGIN, "http://rebound.example"),
            (REFERER, "http://rebound.example/"),
            (HeaderName::from_static("sec-fetch-site"), "same-origin"),
        ];
        for sign in signs {
            let headers = headers("rebound.example", std::slice::from_ref(&sign));
            assert!(names.check(&root, &headers, false).is_err(), "{sign:?}");
            assert!(names.check(&root, &headers, true).is_ok(), "{sign:?}");
        }
    }

    #[test]
    fn a_second_field_or_an_absolute_target_smuggles_no_name_in() {
        let names = HostNames::default();
        let two = headers("127.0.0.1", &[(HOST, "rebound.example"), BROWSER]);
        assert!(names.check(&Uri::from_static("/"), &two, false).is_err());
        let absolute = Uri::from_static("http://rebound.example/metrics");
        let one = headers("127.0.0.1", &[BROWSER]);
        assert!(names.check(&absolute, &one, false).is_err());
    }
}
