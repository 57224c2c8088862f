//! `asnmeter evidence key`: keys that sign a ledger.

use super::{print, print_entry_outcome};
use crate::app::AppError;
use crate::app::requests::change_key;
use crate::files;
use crate::ledger::directory::LedgerDirectory;
use crate::ledger::key::{PrivateKey, PublicKey, new_private_pem};
use crate::ledger::{identity, key_change};
use clap::{Args, Subcommand};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Octets of a key file that are read at most.
const MAX_PEM: u64 = 1 << 16;

/// Permissions of a private key.
const PRIVATE_MODE: u32 = 0o600;

#[derive(Subcommand, Debug)]
pub(super) enum KeyCommand {
    /// Write a new private key (PEM, as `openssl genpkey -algorithm ed25519` writes it), and print its public key
    Create(CreateArguments),
    /// Print the public key of a private key, of a public key, or all those of a ledger, the oldest first
    Show(ShowKeyArguments),
    /// Ask for another key: both sign that it follows the old one, and the next start with it makes the change
    Change(ChangeArguments),
}

#[derive(Args, Debug)]
pub(super) struct CreateArguments {
    /// The file, which must be new
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct ShowKeyArguments {
    /// A key (PEM), or a ledger's directory
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct ChangeArguments {
    /// The ledger's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The private key that signs now
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The private key that shall sign from the next start on
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Runs the command.
pub(super) fn run(command: &KeyCommand) -> Result<(), AppError> {
    match command {
        KeyCommand::Create(arguments) => create(&arguments.file),
        KeyCommand::Show(arguments) => show(&arguments.path),
        KeyCommand::Change(arguments) => {
            let outcome = change_key(&arguments.directory, &arguments.from, &arguments.to)?;
            print_entry_outcome(&outcome)
        }
    }
}

fn create(path: &Path) -> Result<(), AppError> {
    let pem = new_private_pem();
    let pem = pem.ok_or_else(|| AppError::Refused("the system has no random numbers".into()))?;
    let mut options = OpenOptions::new();
    let opened = options
        .write(true)
        .create_new(true)
        .mode(PRIVATE_MODE)
        .open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| AppError::Write {
        path: path.to_owned(),
        source,
    })?;
    show(path)
}

fn show(path: &Path) -> Result<(), AppError> {
    if path.is_dir() {
        let directory = LedgerDirectory::new(path);
        let origin = identity::origin(&directory)?;
        let keys = key_change::keys(&directory, &origin)?;
        if keys.is_empty() {
            return Err(AppError::Refused(format!(
                "{}: is unsigned",
                path.display()
            )));
        }
        return print(|out| {
            keys.iter().try_for_each(|key| {
                writeln!(out, "verifier    {}", key.to_verifier(&origin))?;
                write_key(out, *key)
            })
        });
    }
    let text = files::read_text(path, MAX_PEM).map_err(AppError::read(path))?;
    let key = PublicKey::from_pem(&text);
    let key = key.or_else(|_| PrivateKey::from_pem(&text).map(|key| key.public()));
    let key = key.map_err(|error| AppError::Key {
        path: path.to_owned(),
        error,
    })?;
    print(|out| write_key(out, key))
}

fn write_key(out: &mut dyn Write, key: PublicKey) -> io::Result<()> {
    writeln!(out, "fingerprint SHA256 {}", key.fingerprint())?;
    out.write_all(key.to_pem().as_bytes())
}
