//! Tells the binary which commit it was built from.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=ASNMETER_REVISION");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/refs");
    // A packager without a checkout says it; `unknown` is better than a wrong one.
    let revision = std::env::var("ASNMETER_REVISION").ok().or_else(head);
    println!(
        "cargo:rustc-env=ASNMETER_REVISION={}",
        revision.as_deref().unwrap_or("unknown")
    );
}

fn head() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
