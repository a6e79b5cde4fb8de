//! Progress bars: on a terminal only, always on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of known length, or a spinner with a count if `len` is `None`. Hidden where nobody looks.
pub fn bar(len: Option<u64>, what: &str) -> ProgressBar {
    let bar = len.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    let template = match len {
        Some(_) => "{msg:24} {bar:30} {human_pos}/{human_len} {per_sec} {eta}",
        None => "{msg:24} {spinner} {human_pos} {per_sec}",
    };
    // The templates are constants; a wrong one would only leave the default look.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━ "));
    }
    bar.set_message(what.to_owned());
    bar
}
