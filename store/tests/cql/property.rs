//! Whatever the order and however often: the newest row stands. Few cases, because each asks a real server hundreds of things; the
//! many are tried on the other backend.

use proptest::prelude::*;
use store::contract::model::the_newest_rows_stand;

use crate::flushes::a_flush;
use crate::server::fresh;

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_ends_in_the_same_rows(flushes in proptest::collection::vec(a_flush(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { the_newest_rows_stand(&*fresh().await, &flushes).await });
    }
}
