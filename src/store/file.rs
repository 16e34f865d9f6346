//! Files that only their owner may read: keys, certificates, what scripts are told.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::pii::Secret;

/// Writes a file that only its owner may read, whole or not at all; makes its folder.
///
/// # Errors
///
/// Fails when the file cannot be written.
pub fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        private_folder(folder)?;
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(&beside)
        .and_then(|mut opened| {
            opened.write_all(content)?;
            opened.sync_all()
        })
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Why a secret cannot be read from its file.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Others than its owner may read it.
    #[error("others than its owner may read it")]
    Exposed,
    /// Its first line is empty.
    #[error("its first line is empty")]
    Empty,
}

/// Reads a secret, such as a password, from the first line of a file that only its owner may read.
///
/// # Errors
///
/// Fails when the file cannot be read, others may read it, or it has no such line.
pub fn read_secret(file: &Path) -> Result<Secret<String>, SecretError> {
    let opened = File::open(file)?;
    if opened.metadata()?.permissions().mode() & OTHERS != 0 {
        return Err(SecretError::Exposed);
    }
    let mut content = Zeroizing::new(String::new());
    opened.take(SECRET_BYTES_MAX).read_to_string(&mut content)?;
    let line = content.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(SecretError::Empty);
    }
    Ok(Secret::new(line.to_owned()))
}

/// Makes an empty file that only its owner may read, where it is missing.
pub(super) fn create_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(OWNER_ONLY);
    options.open(file).map(|_| ())
}

/// Lets nobody but its owner read a file, where it is there.
pub(super) fn take_from_others(file: &Path) -> io::Result<()> {
    let mode = match fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(file, fs::Permissions::from_mode(OWNER_ONLY))
}

/// Makes a folder, where it is missing, for its owner alone.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(OWNER_ENTERS)
        .create(folder)
}

/// Mode of a private file: its owner reads and writes.
const OWNER_ONLY: u32 = 0o600;

/// Whoever is not the owner.
const OTHERS: u32 = 0o077;

/// Bytes of the longest line that is a secret; what follows is not read.
const SECRET_BYTES_MAX: u64 = 1_024;

/// Mode of a private folder.
const OWNER_ENTERS: u32 = 0o700;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_a_file_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let read = || read_secret(&file).map(|secret| secret.expose().clone());
        assert!(matches!(read(), Err(SecretError::Unreadable(_))));
        write_private(&file, b"geheim\nsonst nichts\n").unwrap();
        assert_eq!(read().unwrap(), "geheim");
        write_private(&file, b"\n").unwrap();
        assert!(matches!(read(), Err(SecretError::Empty)));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(), Err(SecretError::Exposed)));
    }

    #[test]
    fn a_private_file_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("var/ready.json");
        for content in ["first", "second"] {
            write_private(&file, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), OWNER_ONLY);
        assert_eq!(mode(file.parent().unwrap()), OWNER_ENTERS);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        fs::create_dir(&file).unwrap();
        write_private(&file, b"content").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
