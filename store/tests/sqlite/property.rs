//! Whatever the order and however often: the newest row stands.

use proptest::prelude::*;
use store::contract::model::the_newest_rows_stand;

use crate::file::fresh;
use crate::flushes::a_flush;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_ends_in_the_same_rows(flushes in proptest::collection::vec(a_flush(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { the_newest_rows_stand(&*fresh(), &flushes).await });
    }
}
