//! Which files a meter, and the aggregator of a fleet, may still open after its start: Landlock (landlock(7)), as far as the kernel has
//! it.
//!
//! It may read below the directories of the files that the configuration names, because a file is replaced
//! by another of its name; and write to the ledger and to the cache. What a reload names elsewhere takes a
//! restart, and the log says so. It may open no further TCP port. Landlock holds for a thread and those
//! that it starts, so this comes before any thread that lives on.

use crate::config::checked::Config;
use crate::events;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags, path_beneath_rules,
};
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// What is asked for; an older kernel gives what it has. Linux 6.10: files, devices, TCP ports. Later ones
/// restrict what the journal and systemd are told through.
const WANTED: ABI = ABI::V5;

/// What scrapes are told of the process, and a ring of the kernel.
const ALWAYS: &str = "/proc";

/// Where the C library finds the addresses of NATS servers, and TLS its roots.
const FOR_NAMES: [&str; 7] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share",
    "/run/systemd/resolve",
];

/// Where the daemon may read, and where it may write.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sandbox {
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
    /// Whether the kernel holds the program to it.
    is_enforced: bool,
}

impl Sandbox {
    /// For a configuration, its file and others that are read again, and the ledger's directory.
    pub(super) fn new<'a>(
        config: &'a Config,
        files: impl IntoIterator<Item = &'a Path>,
        ledger: Option<&Path>,
    ) -> Self {
        let mut sandbox = Self::default();
        let asn = super::with_cache(&config.asn);
        let sources = config.asn.sources.iter();
        let named = sources.filter_map(|source| source.path());
        let named = named.chain(config.evidence.key.as_deref()).chain(files);
        named.for_each(|file| sandbox.allow_reading(file));
        if let Some(fleet) = &config.fleet {
            sandbox.read.extend(FOR_NAMES.map(PathBuf::from));
            let tls = fleet
                .tls
                .identity
                .iter()
                .flat_map(|(one, other)| [one, other]);
            let files = fleet.credentials.iter().chain(&fleet.tls.ca).chain(tls);
            files.for_each(|file| sandbox.allow_reading(file));
        }
        let written = ledger.into_iter().chain(asn.cache.as_deref());
        sandbox.write.extend(written.map(absolute));
        sandbox
    }

    /// The directory in which a file stands, and the one in which it lies if it is a symbolic link. Of the
    /// root directory the file alone.
    fn allow_reading(&mut self, file: &Path) {
        let file = absolute(file);
        for path in file.canonicalize().into_iter().chain([file]) {
            let folder = path.parent().filter(|folder| folder.parent().is_some());
            self.read.insert(folder.unwrap_or(&path).to_owned());
        }
    }

    /// Gives up all else, for this thread and those that it will start. Says so, or that the kernel cannot.
    pub(super) fn enter(&mut self) {
        match self.restrict() {
            Ok(RulesetStatus::NotEnforced) => {
                events::not_confined(&"this kernel has no Landlock, or forbids it");
            }
            Ok(status) => {
                self.is_enforced = true;
                let is_whole = status == RulesetStatus::FullyEnforced;
                events::confined(&shown(&self.read), &shown(&self.write), is_whole);
            }
            Err(error) => events::not_confined(&error),
        }
    }

    fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
        let reading: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let writing = AccessFs::from_all(WANTED) & !(AccessFs::Execute | AccessFs::IoctlDev);
        let writing = writing & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock);
        let always = [ALWAYS].into_iter().map(Path::new);
        let readable = self.read.iter().map(PathBuf::as_path).chain(always);
        let ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(WANTED))?
            .handle_access(AccessNet::BindTcp)?
            .create()?
            .add_rules(path_beneath_rules(readable, reading))?
            .add_rules(path_beneath_rules(&self.write, writing))?;
        Ok(ruleset.restrict_self()?.ruleset)
    }

    /// Whether the kernel holds the program to it.
    pub(super) fn is_enforced(&self) -> bool {
        self.is_enforced
    }

    /// Says why a file could not be opened, if this may be why.
    pub(super) fn explain(&self, error: &(dyn Error + 'static)) {
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        let is_denied = causes.any(|cause| {
            let cause = cause.downcast_ref::<io::Error>();
            cause.is_some_and(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
        });
        if self.is_enforced && is_denied {
            events::confined_since_start(&shown(&self.read));
        }
    }
}

/// As it is from the root directory on, whether it is there or not.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn shown(paths: &BTreeSet<PathBuf>) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::Source;
    use std::fs;
    use std::net::TcpListener;

    /// What was denied, if anything was.
    fn denied<T>(outcome: io::Result<T>) -> bool {
        match outcome {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
                true
            }
        }
    }

    #[test]
    fn a_thread_that_has_entered_reads_what_is_named_and_writes_the_ledger_only() {
        let desk = tempfile::tempdir().unwrap();
        let at = |name: &str| desk.path().join(name);
        for folder in ["etc", "tables", "linked", "ledger", "elsewhere"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for file in [
            "etc/a.toml",
            "tables/list",
            "linked/real",
            "elsewhere/secret",
        ] {
            fs::write(at(file), "old").unwrap();
        }
        std::os::unix::fs::symlink(at("linked/real"), at("etc/link")).unwrap();
        let mut config = Config::default();
        config.asn.sources = vec![
            Source::Prefixes(at("tables/list")),
            Source::Mrt(at("etc/link")),
        ];
        let (file, ledger) = (at("etc/a.toml"), at("ledger"));
        let mut sandbox = Sandbox::new(&config, [file.as_path()], Some(&ledger));
        // Landlock holds for a thread: this one is left as it is.
        let inside = std::thread::spawn({
            let folder = desk.path().to_owned();
            move || {
                let at = |name: &str| folder.join(name);
                sandbox.enter();
                assert!(
                    sandbox.is_enforced(),
                    "this test needs a kernel with Landlock"
                );
                for file in ["etc/a.toml", "tables/list", "etc/link"] {
                    assert!(!denied(fs::read(at(file))), "{file}");
                    assert!(denied(fs::write(at(file), "new")), "{file}");
                }
                // One that is put there later, as tables are.
                assert!(!denied(fs::read_dir(at("tables"))));
                assert!(denied(fs::read(at("elsewhere/secret"))));
                assert!(denied(fs::read_dir(at("elsewhere"))));
                assert!(denied(fs::read("/etc/passwd")));
                assert!(denied(fs::write(at("elsewhere/new"), "")));
                assert!(denied(fs::remove_file(at("elsewhere/secret"))));
                assert!(!denied(fs::create_dir(at("ledger/tiles"))));
                assert!(!denied(fs::write(at("ledger/new"), "leaf")));
                assert!(!denied(fs::rename(at("ledger/new"), at("ledger/tiles/0"))));
                assert!(!denied(fs::remove_file(at("ledger/tiles/0"))));
                assert!(denied(TcpListener::bind("127.0.0.1:0")));
                assert!(!denied(fs::read("/proc/self/stat")));
            }
        });
        inside.join().unwrap();
        assert!(
            fs::read(at("elsewhere/secret")).is_ok(),
            "outside of the thread"
        );
    }

    #[test]
    fn of_the_root_directory_only_the_file_is_named() {
        let config = Config::default();
        let sandbox = Sandbox::new(
            &config,
            [Path::new("/none.toml"), Path::new("/a/b.yml")],
            None,
        );
        let expected = ["/a", "/none.toml"].map(PathBuf::from);
        assert_eq!(sandbox.read, BTreeSet::from(expected));
    }
}
