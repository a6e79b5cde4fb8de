//! How a site ends.

use super::*;
use crate::scratch::Folder;

const PASSPHRASE: &str = "correct horse";

#[tokio::test]
async fn a_site_that_nobody_closed_has_released_its_folder_when_it_is_dropped() {
    let folder = Folder::new("cedar");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    drop(Site::found(&folder.0, PASSPHRASE, KdfCost::TEST, &new).await.unwrap());
    for _ in 0..20 {
        let site = Site::open(&folder.0, PASSPHRASE, Duration::ZERO).expect("its thread has ended");
        assert_eq!(site.call_sign(), "Cedar");
    }
}
