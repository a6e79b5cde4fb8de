//! Where the socket is, and how it comes there.

use super::{ControlError, SOCKET_NAME};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Longest path that every system takes as a socket's address: macOS has 104 bytes, Linux 108, with a zero at the end.
const PATH_BYTES_MAX: usize = 100;

/// A folder for the moment in which the socket is made; nobody else can look into it.
const NURSERY: &str = ".control-new";

/// The listening socket of a site. Dropped, it takes its file away.
#[derive(Debug)]
pub struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl ControlSocket {
    /// Makes the socket of a data folder, readable and writable by its owner only. A socket that a crash has left behind is
    /// replaced; one that is being listened to is not.
    ///
    /// The caller holds the folder's lock until the socket is dropped: it is the lock that makes a left socket a stale one.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Somebody listens there, the path is too long, or the system refuses.
    pub fn bind(dir: &Path) -> Result<ControlSocket, ControlError> {
        let path = dir.join(SOCKET_NAME);
        if std::os::unix::net::UnixStream::connect(Reach::new(dir, Path::new(SOCKET_NAME))?.path).is_ok() {
            return Err(ControlError::InUse);
        }
        let nursery = dir.join(NURSERY);
        let made = nursery.join(SOCKET_NAME);
        remove(fs::remove_file(&made))?;
        remove(fs::remove_dir(&nursery))?;
        // Made where nobody else can reach it, closed to others, then put in its place in one step.
        DirBuilder::new().mode(0o700).create(&nursery)?;
        let reach = Reach::new(dir, &Path::new(NURSERY).join(SOCKET_NAME))?;
        let listener = UnixListener::bind(&reach.path)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        let inode = inode(&made)?;
        fs::rename(&made, &path)?;
        remove(fs::remove_dir(&nursery))?;
        Ok(ControlSocket { listener, path, inode })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Not if another has taken the place meanwhile.
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// What is already gone need not be removed.
fn remove(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A path in a folder as a socket's address, however long the folder's own path is.
pub(super) struct Reach {
    pub(super) path: PathBuf,
    _dir: Option<File>,
}

impl Reach {
    pub(super) fn new(dir: &Path, name: &Path) -> Result<Reach, ControlError> {
        let path = dir.join(name);
        if path.as_os_str().as_bytes().len() <= PATH_BYTES_MAX {
            return Ok(Reach { path, _dir: None });
        }
        through_descriptor(dir, name)
    }
}

/// By the number under which this process has the folder open.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn through_descriptor(dir: &Path, name: &Path) -> Result<Reach, ControlError> {
    use std::os::fd::AsRawFd;
    let dir = File::open(dir)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
    Ok(Reach { path, _dir: Some(dir) })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn through_descriptor(_dir: &Path, _name: &Path) -> Result<Reach, ControlError> {
    Err(ControlError::PathTooLong)
}
