//! What several tests need.

use std::sync::Arc;

use crate::text::{Lang, Texts, Voice};

/// A voice over the real messages.
pub(crate) fn voice(lang: Lang) -> Voice {
    Voice::new(Arc::new(Texts::load().unwrap()), lang)
}
