//! No core dumps, no reading of this process by others: a crash must not leave a key on a disk.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Called before anything secret is in memory. What the system does not allow is passed over: it protects less, and
/// nothing depends on it.
pub fn this_process() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // A panic tells where it happened and nothing of what was in hand: a message may hold what was being worked on.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        eprintln!("sanad: a fault in the program{place}. What was saved is safe; start it again.");
    }));
}
