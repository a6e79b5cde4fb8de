//! Who belongs, as the judgement of asks needs it.

use crate::site::{Site, SiteError};
use sanad_log::control::SiteKind;
use sanad_log::ids::{DeviceId, FacilityId};
use std::collections::BTreeMap;

/// The enrolled facilities and their devices, at one moment.
pub(super) struct Members {
    pub(super) devices: BTreeMap<DeviceId, FacilityId>,
    pub(super) facilities: BTreeMap<FacilityId, Member>,
}

/// One of them.
pub(super) struct Member {
    pub(super) call_sign: String,
    /// Whether it may be granted charts at all.
    pub(super) opens: bool,
}

/// True for kinds of sites that open charts. A list of those that do, so that a kind that is added later is granted
/// nothing until somebody writes it in here.
pub(super) fn opens_charts(kind: SiteKind) -> bool {
    matches!(kind, SiteKind::Enclave | SiteKind::Haven)
}

impl Site {
    pub(super) async fn members(&self) -> Result<Members, SiteError> {
        self.with_directory(|directory| Members {
            devices: directory.devices().clone(),
            facilities: directory
                .facilities()
                .iter()
                .map(|(id, facility)| {
                    (*id, Member { call_sign: facility.call_sign.clone(), opens: opens_charts(facility.kind) })
                })
                .collect(),
        })
        .await
    }
}
