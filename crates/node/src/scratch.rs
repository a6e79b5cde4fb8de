//! Folders for tests.

use std::path::PathBuf;

/// A folder that is gone when the test is over. It is not there yet; the one around it is.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    pub(crate) fn new(name: &str) -> Folder {
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).unwrap();
        let around = std::env::temp_dir().join(format!("sanad-{:x}", u64::from_be_bytes(random)));
        std::fs::create_dir(&around).unwrap();
        Folder(around.join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}
