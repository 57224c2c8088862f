//! Proves who may ask the daemon, as an operator sets it up: certificates by openssl, a file that
//! promtool accepts, questions by curl. And that a file with anything wrong in it is refused whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::export::http::security::Security;
use std::io::Write as _;
use std::process::Command;
use support::desk::Desk;
use support::netns;
use support::program::{Outcome, asnmeter, outcome};
use support::running::{Running, until};
use support::sockets::connect;

/// What the server needs, whom it lets in, and which passwords.
const WEB: &str = "\
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
basic_auth_users:
  prometheus: HASH
";

/// bcrypt's own least cost: a test has no guesses to slow down.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

fn openssl(desk: &Desk, arguments: &str) {
    let mut command = Command::new("openssl");
    command
        .args(arguments.split(' '))
        .current_dir(desk.path(""));
    let made = outcome(&mut command);
    assert_eq!(made.code, Some(0), "openssl {arguments}: {}", made.stderr);
}

/// An authority of this name.
fn authority(desk: &Desk, name: &str) {
    let key = format!("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key");
    openssl(
        desk,
        &format!("req -x509 {key} -out {name}.crt -days 2 -subj /CN={name}"),
    );
}

/// A key and certificate called `name`, signed by an authority.
fn certificate(desk: &Desk, name: &str, subject: &str, authority: &str) {
    certificate_for(desk, name, subject, authority, "IP:127.0.0.1");
}

/// The same with other names for its subject.
fn certificate_for(desk: &Desk, name: &str, subject: &str, authority: &str, names: &str) {
    let key = format!("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key");
    openssl(
        desk,
        &format!("req -new {key} -out {name}.csr -subj /CN={subject}"),
    );
    desk.file("extensions", format!("subjectAltName={names}\n"));
    let by = format!("-CA {authority}.crt -CAkey {authority}.key -CAcreateserial");
    let sign = format!("x509 -req -in {name}.csr {by} -days 2 -extfile extensions");
    openssl(desk, &format!("{sign} -out {name}.crt"));
}

/// Asks with curl: its exit code, and the answer's status in front of the body.
fn curl(desk: &Desk, running: &Running, arguments: &[&str]) -> Outcome {
    let scheme = if desk.path("ca.crt").exists() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}/metrics", running.address());
    let mut command = Command::new("curl");
    command
        .args(["-s", "-w", "%{http_code}", "--cacert", "ca.crt"])
        .args(arguments)
        .arg(url)
        .current_dir(desk.path(""));
    outcome(&mut command)
}

const CLIENT: [&str; 4] = ["--cert", "client.crt", "--key", "client.key"];

/// The same as the client that may ask; the scrape.
fn scrape(desk: &Desk, running: &Running, password: &str) -> String {
    let user = format!("prometheus:{password}");
    let arguments = [&CLIENT[..], &["--user", &user]].concat();
    curl(desk, running, &arguments).stdout
}

fn start(desk: &Desk) -> Running {
    desk.file(
        "asnmeter.toml",
        "[capture]\ninterface = \"lo\"\n[web]\nconfig_file = \"web.yml\"\n",
    );
    Running::start(
        desk,
        "127.0.0.1:0",
        &["run", "--config", &desk.name("asnmeter.toml")],
    )
}

#[test]
fn only_who_has_a_certificate_and_a_password_is_answered() {
    netns::inside(
        "only_who_has_a_certificate_and_a_password_is_answered",
        &[],
        || {
            netns::ip("link set lo up");
            let desk = Desk::new();
            authority(&desk, "ca");
            authority(&desk, "foreign");
            certificate(&desk, "server", "first", "ca");
            certificate(&desk, "client", "scraper", "ca");
            certificate(&desk, "stranger", "scraper", "foreign");
            let file = desk.file("web.yml", WEB.replace("HASH", &hash("open sesame")));
            let check = outcome(Command::new("promtool").args(["check", "web-config", &file]));
            assert_eq!(check.code, Some(0), "{}", check.stderr);
            let running = start(&desk);
            assert!(
                running.log().contains("; https://127.0.0.1:"),
                "{}",
                running.log()
            );

            // A password is checked against its hash the first time, and known after it.
            for _ in 0..2 {
                let scrape = scrape(&desk, &running, "open sesame");
                assert!(scrape.ends_with("\n200"), "{scrape}");
            }
            for arguments in [
                &CLIENT[..],
                &[&CLIENT[..], &["--user", "prometheus:wrong"]].concat(),
                &[&CLIENT[..], &["--user", "nobody:open sesame"]].concat(),
                &[&CLIENT[..], &["-H", "Authorization: Basic !!!"]].concat(),
            ] {
                let refused = curl(&desk, &running, arguments).stdout;
                assert_eq!(refused, "unauthorized\n401", "{arguments:?}");
            }
            let head = curl(&desk, &running, &[&CLIENT[..], &["-I"]].concat()).stdout;
            assert!(head.contains("\r\nwww-authenticate: Basic\r\n"), "{head}");

            let password = ["--user", "prometheus:open sesame"];
            let stranger = ["--cert", "stranger.crt", "--key", "stranger.key"];
            for certificate in [&[][..], &stranger] {
                let refused = curl(&desk, &running, &[&password[..], certificate].concat());
                assert_ne!(refused.code, Some(0), "{}", refused.stdout);
                assert_eq!(refused.stdout, "000");
            }
            let clear = format!("http://{}/metrics", running.address());
            assert_ne!(
                outcome(Command::new("curl").args(["-s", &clear])).code,
                Some(0)
            );

            let counted = |scrape: &str, reason: &str, count: u64| {
                let line = format!("asnmeter_http_refused_total{{reason=\"{reason}\"}} {count}\n");
                scrape.contains(&line)
            };
            // Shown with the next judged second.
            until("who was refused is counted", || {
                let scrape = scrape(&desk, &running, "open sesame");
                counted(&scrape, "credentials", 5) && counted(&scrape, "tls", 3)
            });
            assert_eq!(running.end("TERM"), Some(0));
        },
    );
}

/// 127.0.0.2 holds 1000 connections on which it says no more than this. Everybody is answered, 127.0.0.2
/// too, and the log has one line about it.
fn crowd(desk: &Desk, running: &Running, begun: &[u8]) {
    let mut held = connect("127.0.0.2", running.address().parse().unwrap(), 1000);
    for stream in &mut held {
        // Some had to give way already.
        let _ = stream.write_all(begun);
    }
    for from in ["127.0.0.1", "127.0.0.2"].repeat(5) {
        let arguments = [&CLIENT[..], &["--interface", from, "--max-time", "3"]].concat();
        let answer = curl(desk, running, &arguments).stdout;
        assert!(answer.ends_with("\n401"), "{from}: {answer}");
    }
    // Shown with the next judged second.
    until("who gave way is counted", || {
        let scrape = scrape(desk, running, "open sesame");
        let count = scrape.split_once("asnmeter_http_refused_total{reason=\"displaced\"} ");
        let count = count.unwrap().1.lines().next().unwrap();
        (936..=1000).contains(&count.parse::<u32>().unwrap())
    });
    let told = "asnmeter: warning: web: 127.0.0.2 has as many connections as may be, 64: ";
    assert_eq!(running.log().matches(told).count(), 1, "{}", running.log());
}

#[test]
fn a_thousand_half_handshakes_of_one_address_keep_nobody_from_an_answer() {
    let name = "a_thousand_half_handshakes_of_one_address_keep_nobody_from_an_answer";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        authority(&desk, "ca");
        certificate(&desk, "server", "first", "ca");
        certificate(&desk, "client", "scraper", "ca");
        desk.file("web.yml", WEB.replace("HASH", &hash("open sesame")));
        let running = start(&desk);
        // A record of a handshake, 512 octets, ClientHello (RFC 8446 §4, §5.1); the rest never comes.
        crowd(&desk, &running, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]);
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn a_thousand_half_requests_of_one_address_keep_nobody_from_an_answer() {
    let name = "a_thousand_half_requests_of_one_address_keep_nobody_from_an_answer";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        let user = format!("basic_auth_users:\n  prometheus: {}\n", hash("open sesame"));
        desk.file("web.yml", user);
        let running = start(&desk);
        crowd(&desk, &running, b"GET /metrics HTTP/1.1\r\nX: ");
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn a_reload_takes_new_certificates_and_passwords_or_keeps_all_of_the_old() {
    let name = "a_reload_takes_new_certificates_and_passwords_or_keeps_all_of_the_old";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        authority(&desk, "ca");
        certificate(&desk, "client", "scraper", "ca");
        certificate(&desk, "server", "first", "ca");
        desk.file("web.yml", WEB.replace("HASH", &hash("one")));
        let running = start(&desk);
        let subject = || {
            let shown = curl(
                &desk,
                &running,
                &[&CLIENT[..], &["-v", "-o", "body"]].concat(),
            );
            let line = shown.stderr.lines().find(|line| line.contains("subject:"));
            line.unwrap_or_default().to_owned()
        };
        assert!(subject().ends_with("CN=first"), "{}", subject());

        certificate(&desk, "server", "second", "ca");
        desk.file("web.yml", WEB.replace("HASH", &hash("two")));
        running.signal("HUP");
        until("the new certificate is shown", || {
            subject().ends_with("CN=second")
        });
        assert!(scrape(&desk, &running, "one").ends_with("401"));
        assert!(scrape(&desk, &running, "two").ends_with("200"));

        desk.file("server.key", "not a key");
        running.signal("HUP");
        until("the wrong key is refused", || {
            running.log().contains("reload refused")
        });
        let line = "web.yml:3: key_file: ";
        assert!(running.log().contains(line), "{}", running.log());
        until("the scrape says so", || {
            scrape(&desk, &running, "two").contains("asnmeter_config_last_reload_successful 0\n")
        });
        assert!(subject().ends_with("CN=second"), "{}", subject());
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// A file that is refused whole, in one line that names it and shows no secret.
fn refused(desk: &Desk, text: &str, says: &str) {
    let file = desk.file("web.yml", text);
    let error = Security::load(file.as_ref()).unwrap_err().to_string();
    let folder = desk.name("");
    let folder = folder.trim_end_matches('/');
    let says = says.replace("DESK", folder);
    assert!(error.contains(&says), "{error}");
    assert!(error.starts_with(folder), "{error}");
    assert!(!error.contains('\n'), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn what_would_let_in_more_than_the_file_says_is_refused() {
    let desk = Desk::new();
    authority(&desk, "ca");
    certificate(&desk, "server", "server", "ca");
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    for (text, says) in [
        (
            format!("{tls}  cipher_suites: [AES]\n"),
            "4: cipher_suites: \"AES\" is not a cipher suite",
        ),
        (
            format!("{tls}  max_version: TLS12\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n"),
            " tls_server_config: ",
        ),
        (
            format!("{tls}  curve_preferences: [CurveP521]\n"),
            " curve_preferences: none of them is offered",
        ),
        (
            format!("{tls}  curve_preferences: [P-256]\n"),
            "4: curve_preferences: \"P-256\" is not a curve",
        ),
        (
            format!("{tls}  cert: x\n"),
            "2: cert_file: stands beside cert: one of them",
        ),
        (
            format!("{tls}  client_allowed_sans: [scraper]\n"),
            "4: client_allowed_sans: needs the client_auth_type RequireAndVerifyClientCert",
        ),
        (
            format!(
                "{tls}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n  \
                 client_allowed_sans: [scraper]\n"
            ),
            "6: client_allowed_sans: needs the client_auth_type RequireAndVerifyClientCert",
        ),
        (
            format!(
                "{tls}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  \
                 client_allowed_sans: [scraper@example.net]\n"
            ),
            "6: client_allowed_sans: e-mail addresses are not compared here",
        ),
        (
            "http_server_config:\n  headers:\n    Server: x\n".into(),
            "3: http_server_config.headers: Server: is not one of Content-Security-Policy, ",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: allow\n".into(),
            "3: http_server_config.headers: X-Frame-Options: \"allow\" is not one of deny, sameorigin",
        ),
        (
            "rate_limit:\n  interval: soon\n  burst: 1\n".into(),
            "2: rate_limit.interval: \"soon\" is not a duration",
        ),
        (
            "rate_limit:\n  interval: 1s\n  burst: 0\n".into(),
            "3: rate_limit.burst: has to be at least 1",
        ),
        (
            "rate_limit:\n  burst: 7\n".into(),
            "2: rate_limit.burst: needs an interval",
        ),
    ] {
        refused(&desk, &text, says);
    }
}

#[test]
fn a_wrong_file_is_refused_with_file_line_and_key() {
    let desk = Desk::new();
    authority(&desk, "ca");
    certificate(&desk, "server", "server", "ca");
    certificate(&desk, "other", "other", "ca");
    desk.file("empty.pem", "");
    let costly = hash("x").replacen("$04$", "$15$", 1);
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let user = |hash: &str| format!("basic_auth_users:\n  a: '{hash}'\n");
    let costly_says = "2: basic_auth_users: \"a\": its cost of 15 is above 14";
    for (text, says) in [
        ("a: b\n".to_owned(), "1: unknown field `a`"),
        (
            format!("{tls}  cipher_suite: []\n"),
            "4: unknown field `cipher_suite`",
        ),
        (
            "tls_server_config: {}\n".into(),
            " tls_server_config: needs cert_file and key_file",
        ),
        (
            tls.replace("server.crt", "empty.pem"),
            "2: cert_file: DESK/empty.pem: has no certificate",
        ),
        (
            tls.replace("server.crt", "nowhere"),
            "/nowhere: No such file or directory",
        ),
        (
            tls.replace("server.key", "empty.pem"),
            "3: key_file: DESK/empty.pem: ",
        ),
        (tls.replace("server.key", "other.key"), "2: cert_file: "),
        (
            format!("{tls}  min_version: SSL30\n"),
            "4: min_version: \"SSL30\" is not one of TLS12, TLS13",
        ),
        (
            format!("{tls}  max_version: TLS11\n"),
            "4: max_version: \"TLS11\" is not one of TLS12, TLS13",
        ),
        (
            format!("{tls}  min_version: TLS13\n  max_version: TLS12\n"),
            " tls_server_config: min_version is above max_version",
        ),
        (
            format!("{tls}  client_ca_file: ca.crt\n"),
            "4: client_ca_file: DESK/ca.crt: needs a client_auth_type",
        ),
        (
            format!("{tls}  client_auth_type: RequireAndVerifyClientCert\n"),
            " tls_server_config: client_auth_type needs client_ca_file",
        ),
        (
            format!("{tls}  client_auth_type: RequestClientCert\n"),
            "4: client_auth_type: \"RequestClientCert\" is not one of NoClientCert, ",
        ),
        (
            user("secret"),
            "2: basic_auth_users: \"a\": is not a bcrypt hash",
        ),
        (user(&costly), costly_says),
        (
            "tls_server_config:\n  cert_file: ''\n  key_file: ''\n".into(),
            " tls_server_config: needs cert_file and key_file",
        ),
        (
            format!("{tls}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ''\n"),
            " tls_server_config: client_auth_type needs client_ca_file",
        ),
        ("basic_auth_users: [\n".into(), "web.yml"),
        ("a: &a [*a, *a]\n".into(), "web.yml"),
        ("#".repeat(1 << 21), "is larger than 1 MiB"),
        ("\u{0}".into(), "web.yml"),
    ] {
        refused(&desk, &text, says);
    }
    for text in [
        "",
        "# nothing\n",
        "tls_server_config:\nbasic_auth_users:\nrate_limit:\nhttp_server_config:\n",
        "rate_limit:\n  interval: 0\n",
        tls,
        &format!("{tls}  cert: ''\n  key: ''\n  client_ca: ''\n  client_ca_file: \"\"\n"),
    ] {
        let file = desk.file("web.yml", text);
        let security = Security::load(file.as_ref()).unwrap();
        assert!(security.remarks().is_empty(), "{text}");
        let is_file = |path: &std::path::PathBuf| path.is_file();
        assert!(security.files().iter().all(is_file), "{text}");
    }
}

#[test]
fn what_is_not_done_and_does_no_harm_is_remarked() {
    let desk = Desk::new();
    authority(&desk, "ca");
    certificate(&desk, "server", "server", "ca");
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    for (text, remark) in [
        (
            "http_server_config:\n  http2: true\n".to_owned(),
            "2: http_server_config.http2: is not offered: HTTP/1.1 only",
        ),
        (
            format!("{tls}  min_version: TLS11\n"),
            "4: min_version: TLS11 is not offered: TLS12 is the least",
        ),
        (
            format!("{tls}  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n"),
            "4: cipher_suites: TLS_RSA_WITH_AES_128_CBC_SHA is not offered by name",
        ),
        (
            format!("{tls}  curve_preferences: [CurveP521, CurveP256]\n"),
            "4: curve_preferences: CurveP521 is not offered",
        ),
        (
            format!("{tls}  client_auth_excluded_paths: [/-/healthy]\n"),
            "4: client_auth_excluded_paths: every path needs a certificate here",
        ),
    ] {
        let file = desk.file("web.yml", &text);
        let security = Security::load(file.as_ref()).unwrap();
        assert_eq!(security.remarks(), [format!("{file}:{remark}")]);
    }
    // `config check` and the start tell them
    let config = desk.file("asnmeter.toml", "[web]\nconfig_file = \"web.yml\"\n");
    let check = asnmeter(["config", "check", "--no-interfaces", &config]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    let told = "warning: ";
    assert!(check.stdout.contains(told), "{}", check.stdout);
    assert!(
        check.stdout.contains("client_auth_excluded_paths"),
        "{}",
        check.stdout
    );
}

/// Every key that exporter-toolkit has, and its own sample's users and paths without a password.
const WHOLE: &str = "\
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans:
    - scraper.example
    - 192.0.2.7
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    - TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
  prefer_server_cipher_suites: true
  curve_preferences: [CurveP384, CurveP256]
http_server_config:
  http2: true
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: \"\"
    Strict-Transport-Security: max-age=31536000
rate_limit:
  interval: INTERVAL
  burst: BURST
basic_auth_users:
  alice: HASH
basic_auth_excluded_paths:
- /-/healthy
- /-/ready
";

#[test]
fn a_file_with_every_key_of_the_toolkit_is_taken_at_its_word() {
    let name = "a_file_with_every_key_of_the_toolkit_is_taken_at_its_word";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        authority(&desk, "ca");
        certificate(&desk, "server", "first", "ca");
        for (name, names) in [
            ("client", "DNS:scraper.example"),
            ("address", "IP:192.0.2.7"),
            ("other", "DNS:other.example,DNS:*.example"),
        ] {
            certificate_for(&desk, name, "scraper", "ca", names);
        }
        let file = |interval: &str, burst: &str| {
            let text = WHOLE.replace("HASH", &hash("open sesame"));
            desk.file(
                "web.yml",
                text.replace("INTERVAL", interval).replace("BURST", burst),
            );
        };
        file("1ms", "1000");
        let running = start(&desk);
        for remark in [
            "web.yml:13: cipher_suites: TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA is not offered by name",
            "web.yml:17: http_server_config.http2: is not offered",
        ] {
            assert!(running.log().contains(remark), "{}", running.log());
        }
        let ask = |path: &str, client: &str, arguments: &[&str]| {
            let url = format!("https://{}{path}", running.address());
            let mut command = Command::new("curl");
            command
                .args(["-s", "-i", "-v", "--cacert", "ca.crt", "--cert"])
                .arg(format!("{client}.crt"))
                .args(["--key", &format!("{client}.key")])
                .args(arguments)
                .arg(url)
                .current_dir(desk.path(""));
            outcome(&mut command)
        };
        // the name in the certificate, octet by octet
        for (client, is_let_in) in [("client", true), ("address", true), ("other", false)] {
            let answer = ask("/-/healthy", client, &[]);
            assert_eq!(answer.stdout.contains(" 200 OK"), is_let_in, "{client}");
        }
        // no password for what is excluded, and one for the rest
        assert!(ask("/-/ready", "client", &[]).stdout.contains("ready"));
        assert!(ask("/metrics", "client", &[]).stdout.contains(" 401 "));
        let scrape = ask("/metrics", "client", &["--user", "alice:open sesame"]);
        for header in [
            " 200 OK",
            "content-security-policy: default-src 'self'\r\n",
            "x-frame-options: deny\r\n",
            "strict-transport-security: max-age=31536000\r\n",
            "x-content-type-options: nosniff\r\n",
        ] {
            assert!(
                scrape.stdout.contains(header),
                "{header}: {:.2000}",
                scrape.stdout
            );
        }
        assert!(!scrape.stdout.contains("x-xss-protection"));
        // the suite of TLS 1.2 that is named, and no other
        let of_suite = |suite: &str| {
            ask(
                "/-/healthy",
                "client",
                &["--tls-max", "1.2", "--ciphers", suite],
            )
        };
        assert!(
            of_suite("ECDHE-ECDSA-AES256-GCM-SHA384")
                .stdout
                .contains(" 200 OK")
        );
        assert_ne!(of_suite("ECDHE-ECDSA-AES128-GCM-SHA256").code, Some(0));

        file("1h", "2");
        running.signal("HUP");
        until("the new rate is in force", || {
            ask("/-/healthy", "client", &[])
                .stdout
                .contains(" 429 Too Many Requests")
        });
        file("0s", "0");
        running.signal("HUP");
        until("there is no rate any more", || {
            ask("/-/healthy", "client", &[]).stdout.contains(" 200 OK")
        });
        until("who was refused is counted", || {
            let scrape = ask("/metrics", "client", &["--user", "alice:open sesame"]).stdout;
            let line = "asnmeter_http_refused_total{reason=\"rate\"} ";
            let count = scrape.split_once(line).unwrap().1.lines().next().unwrap();
            count.parse::<u32>().unwrap() > 0
        });
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn config_check_and_the_start_refuse_a_wrong_file_with_their_exit_codes() {
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", "[web]\nconfig_file = \"web.yml\"\n");
    let check = || asnmeter(["config", "check", "--no-interfaces", &config]);
    assert_eq!(check().code, Some(69), "{}", check().stderr);
    desk.file("web.yml", "a: b\n");
    assert_eq!(check().code, Some(78), "{}", check().stderr);
    desk.file("web.yml", "");
    assert_eq!(check().code, Some(0), "{}", check().stderr);
    desk.file("asnmeter.toml", "[capture]\ninterface = \"lo\"\n");
    let wrong = desk.file("wrong.yml", "basic_auth_users: 7\n");
    let run = asnmeter(["run", "--config", &config, "--web.config.file", &wrong]);
    assert_eq!(run.code, Some(78), "{}", run.stderr);
    assert!(run.stderr.contains("wrong.yml:1: "), "{}", run.stderr);
}
