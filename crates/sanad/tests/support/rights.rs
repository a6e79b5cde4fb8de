//! What only a machine's administrator may do, and so the root of a user namespace of a test's own.

use std::path::PathBuf;
use std::process::Command;

/// Where not everybody may make a namespace or mount a disk, runs the test again as the root of a user namespace, where the kernel lets it;
/// returns true if it has done so, and there is nothing left to do.
pub fn ran_in_a_user_namespace(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    let own = std::env::current_exe().expect("a test is a program");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--mount", "--"]).arg(own).args(["--exact", test, "--nocapture"]);
    let ended = again.status().expect("unshare of util-linux is needed, to make namespaces");
    assert!(ended.success(), "as root of a user namespace it failed: {ended}");
    true
}

/// A small disk in memory, taken away at the end.
pub struct Disk(pub PathBuf);

impl Disk {
    /// Mounts one of this size, as `mount -o size=` has it, on a folder that is made.
    #[track_caller]
    pub fn mount(at: PathBuf, size: &str) -> Disk {
        std::fs::create_dir_all(&at).expect("a folder of the test's own");
        let disk = Disk(at);
        disk.run(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        disk
    }

    /// Gives it another size.
    #[track_caller]
    pub fn resize(&self, size: &str) {
        self.run(&["-o", &format!("remount,size={size}")]);
    }

    #[track_caller]
    fn run(&self, options: &[&str]) {
        let ran = Command::new("mount").args(options).arg(&self.0).status();
        assert!(ran.is_ok_and(|status| status.success()), "this test needs the right to mount a small disk in memory");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
